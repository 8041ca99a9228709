@echo off
rem Builds everything and runs all tests.
cd /d "%~dp0"
dotnet build ClusterTrain.sln -c Release --nologo -v quiet -clp:ErrorsOnly || exit /b 1
dotnet test ClusterTrain.sln -c Release --no-build --nologo %*
