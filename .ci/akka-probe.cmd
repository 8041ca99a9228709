@echo off
rem Finds out, once per clone, whether the configured package feeds hold what the Akka engine needs: see akka-probe.
setlocal
set root=%~dp0..
if not exist "%root%\Akka.props" call :probe %1
findstr /c:"<Akka>true</Akka>" "%root%\Akka.props" >nul 2>&1 && (
  echo with the Akka engine 1>&2
) || (
  echo without the Akka engine: its packages are not on the configured feeds; everything else is there 1>&2
)
exit /b 0

:probe
set answer=true
set output=%TEMP%\clustertrain-probe-%RANDOM%.txt
dotnet restore "%root%\%1" -p:Akka=true --nologo -v quiet >"%output%" 2>&1 || (
  set answer=
  findstr /c:"NU1101" /c:"NU1102" /c:"NU1103" "%output%" >nul && set answer=false
)
del "%output%"
if "%answer%"=="" exit /b 0
>"%root%\Akka.props" echo ^<Project^>^<PropertyGroup^>^<Akka^>%answer%^</Akka^>^</PropertyGroup^>^</Project^>
exit /b 0
