@echo off
rem Builds ClusterTrain when needed, then runs it: clustertrain train configs\mnist.yaml
setlocal
set root=%~dp0
dotnet build "%root%src\ClusterTrain.Cli" -c Release -o "%root%artifacts\clustertrain" --nologo -v quiet -clp:ErrorsOnly 1>&2 || exit /b 1
dotnet "%root%artifacts\clustertrain\clustertrain.dll" %*
