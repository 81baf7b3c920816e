# Compiles what asks Windows and has it answer. Windows PowerShell 5.1 and PowerShell 7; no module but PowerShell's own.
# It prints ASCII only, and nothing on the way. The driver puts the words and the source where the names in capitals stand.
# $kickbot: this very script, by whoever reads and runs it; a hold leaves it on the machine, with the words to give back.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$env:PSModulePath = "$PSHOME\Modules" # never another PowerShell's modules, nor anybody's own
function Say($text) { [Console]::Out.Write($text) }
function Decode($text) { [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($text)) }
if ($PSVersionTable.PSVersion.Major -lt 5) { Say "kickbot windows trouble old`n"; exit 3 }
try {
    Add-Type -IgnoreWarnings -TypeDefinition (Decode 'SOURCE')
    Say ([Kickbot.Script]::Answer((Decode 'WORDS').Split([char]0), $kickbot))
} catch {
    Say "kickbot windows trouble failed $($_.Exception.Message -replace '[^ -~]', '?')`n"
    exit 3
}
