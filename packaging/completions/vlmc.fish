# SPDX-License-Identifier: Apache-2.0
# Completion for fish. tests/cli/completions.sh compares the options below with those of each
# command's --help.

# True when the command line has no command yet.
function __vlmc_no_command
    set -l words (commandline -opc)
    test (count $words) -eq 1
end

# True when the command is one of those named.
function __vlmc_command
    set -l words (commandline -opc)
    test (count $words) -gt 1; and contains -- $words[2] $argv
end

# True when the command is the first word and its first argument one of the others.
function __vlmc_action
    set -l words (commandline -opc)
    test (count $words) -gt 2; and test $words[2] = $argv[1]; and contains -- $words[3] $argv[2..-1]
end

# True when the command is the word, and has no argument yet.
function __vlmc_no_action
    set -l words (commandline -opc)
    test (count $words) -eq 2; and test $words[2] = $argv[1]
end

function __vlmc_models
    printf '%s\t%s\n' auto 'the largest that is fast enough' none 'zstd only'
    vlmc model list 2>/dev/null | string replace -r '^(\S+) .*' '$1\tmodel'
end

function __vlmc_devices
    printf '%s\t%s\n' auto 'a GPU that passes its self-test, else the CPU' cpu 'the CPU' vulkan 'the best Vulkan device'
    vlmc device list 2>/dev/null | string replace -r '^(\S+) .*' '$1\tdevice'
end

function __vlmc_jobs
    vlmc jobs list 2>/dev/null | string replace -r '^(\S+) .*' '$1\tjob'
end

complete -c vlmc -f
complete -c vlmc -n __vlmc_no_command -l version -d 'Print the version'
complete -c vlmc -n __vlmc_no_command -a create -d 'Write an archive of files and folders'
complete -c vlmc -n __vlmc_no_command -a extract -d 'Restore files from an archive'
complete -c vlmc -n __vlmc_no_command -a list -d 'Show what an archive holds'
complete -c vlmc -n __vlmc_no_command -a info -d 'Show format, models and sizes of an archive'
complete -c vlmc -n __vlmc_no_command -a verify -d 'Check every file in an archive'
complete -c vlmc -n __vlmc_no_command -a protect -d 'Add recovery data to an archive'
complete -c vlmc -n __vlmc_no_command -a repair -d 'Mend a damaged archive'
complete -c vlmc -n __vlmc_no_command -a rekey -d 'Give an encrypted archive another passphrase'
complete -c vlmc -n __vlmc_no_command -a diff -d 'Compare an archive with the disk'
complete -c vlmc -n __vlmc_no_command -a jobs -d 'Go on with interrupted archives'
complete -c vlmc -n __vlmc_no_command -a find -d 'Find paths in all archives of the catalog'
complete -c vlmc -n __vlmc_no_command -a catalog -d 'Show and keep the catalog of archives'
complete -c vlmc -n __vlmc_no_command -a model -d 'List, describe or verify models'
complete -c vlmc -n __vlmc_no_command -a plugin -d 'List, try or check plugins'
complete -c vlmc -n __vlmc_no_command -a device -d 'List or test devices'
complete -c vlmc -n __vlmc_no_command -a estimate -d 'Predict the size of an archive'
complete -c vlmc -n __vlmc_no_command -a bench -d 'Measure what a model saves'
complete -c vlmc -n __vlmc_no_command -a help -d 'Show the options of a command'

# Options that every command has.
set -l commands create extract list info verify protect repair diff rekey jobs find catalog model plugin device estimate bench
set -l any "__vlmc_command $commands"
complete -c vlmc -n $any -l json -d 'Print results as JSON lines'
complete -c vlmc -n $any -s q -l quiet -d 'Print warnings and errors only'
complete -c vlmc -n $any -l help -d 'Print options and examples'
complete -c vlmc -n $any -l usage -d 'Print the options in short'

# Options that several have.
set -l compute '__vlmc_command create extract verify jobs estimate bench'
complete -c vlmc -n $compute -s d -l device -x -a '(__vlmc_devices)' -d 'Where to compute'
complete -c vlmc -n $compute -s t -l threads -x -d 'CPU threads'
set -l packing '__vlmc_command create estimate'
complete -c vlmc -n '__vlmc_command create estimate bench' -s m -l model -r -F -a '(__vlmc_models)' -d 'Model to pack with'
complete -c vlmc -n $packing -l no-plugins -d 'Take every file as plain bytes'
complete -c vlmc -n $packing -s 1 -d 'Fastest: context models alone'
complete -c vlmc -n $packing -s 2 -d 'More contexts and memory'
complete -c vlmc -n $packing -s 3 -d 'Fastest with a transformer, a small one'
complete -c vlmc -n $packing -s 4 -d 'Smaller groups than the default'
complete -c vlmc -n $packing -s 5 -d 'The default'
complete -c vlmc -n $packing -s 6 -d 'Larger groups, more memory'
complete -c vlmc -n $packing -s 7 -d 'More contexts'
complete -c vlmc -n $packing -s 8 -d 'Larger groups still'
complete -c vlmc -n $packing -s 9 -d 'Smallest'
complete -c vlmc -n '__vlmc_command extract list info verify protect repair diff' -k -a '(__fish_complete_suffix .vlmc)'

complete -c vlmc -n '__vlmc_command create estimate' -F
complete -c vlmc -n '__vlmc_command create' -s o -l output -r -F -d 'Archive to write'
complete -c vlmc -n '__vlmc_command create' -s f -l force -d 'Replace it when it exists'
complete -c vlmc -n '__vlmc_command create' -l verify -d 'Decode and compare every file'
complete -c vlmc -n '__vlmc_command create protect' -l recovery -x -a '5% 10% 20% 30%' -d 'Recovery data of so much'
complete -c vlmc -n '__vlmc_command protect' -l remove -d 'Take the recovery data away'
complete -c vlmc -n '__vlmc_command repair' -s o -l output -r -F -d 'File to write'
complete -c vlmc -n '__vlmc_command repair' -l in-place -d 'Replace the archive when all is mended'
complete -c vlmc -n '__vlmc_command repair' -s f -l force -d 'Replace the file when it exists'
complete -c vlmc -n '__vlmc_command create' -l stdin-name -x -d 'Name of what - reads'
complete -c vlmc -n '__vlmc_command create extract' -l no-catalog -d 'Do not record it in the catalog'
complete -c vlmc -n '__vlmc_command create' -l group-size -x -d 'Bytes of a group at most'
complete -c vlmc -n '__vlmc_command create' -l exclude -x -d 'Leave out what matches'
complete -c vlmc -n '__vlmc_command create' -l one-file-system -d 'Stay on the file system of each path'
complete -c vlmc -n '__vlmc_command create' -s v -l verbose -d 'Say what plugins took'

complete -c vlmc -n '__vlmc_command extract diff' -s C -l directory -x -a '(__fish_complete_directories)' -d 'Folder to work in'
complete -c vlmc -n '__vlmc_command extract' -l stdout -d 'Write contents to standard output'
complete -c vlmc -n '__vlmc_command extract' -l overwrite -x -a 'never always newer different' -d 'Replace existing files'
complete -c vlmc -n '__vlmc_command extract' -l dry-run -d 'Write nothing'
complete -c vlmc -n '__vlmc_command extract' -l max-output -x -d 'Refuse more bytes than this'
complete -c vlmc -n '__vlmc_command extract diff' -l same-owner -d 'Users and groups, too'
complete -c vlmc -n '__vlmc_command extract diff' -l no-same-owner -d 'No users and groups'
complete -c vlmc -n '__vlmc_command extract' -l numeric-owner -d 'Find users and groups by number'
complete -c vlmc -n '__vlmc_command extract' -s p -l same-permissions -d 'Set-user-id bits, too'

complete -c vlmc -n '__vlmc_command verify' -l level -x -a 'header blocks decode' -d 'How deep'
complete -c vlmc -n '__vlmc_command verify' -l time-limit -x -d 'Stop after this time'
complete -c vlmc -n '__vlmc_command verify' -l due -x -d 'Archives not decoded for so long'

complete -c vlmc -n '__vlmc_command list' -s l -l long -d 'Mode, sizes, time and tokenizer too'

complete -c vlmc -n '__vlmc_command find' -l glob -d 'A shell pattern of whole paths'
complete -c vlmc -n '__vlmc_command find' -l regex -d 'An extended regular expression'
complete -c vlmc -n '__vlmc_command find' -s x -l exact -d 'The path itself'
complete -c vlmc -n '__vlmc_command find' -l hash -d 'A SHA-256 of content'
complete -c vlmc -n '__vlmc_command find' -s i -l ignore-case -d 'A-Z as a-z'
complete -c vlmc -n '__vlmc_command find' -s 0 -l null -d 'Each name with a NUL behind it'

complete -c vlmc -n '__vlmc_no_action catalog' -a list -d 'Archives that it knows'
complete -c vlmc -n '__vlmc_no_action catalog' -a dups -d 'What several archives hold'
complete -c vlmc -n '__vlmc_no_action catalog' -a stats -d 'Counts and sizes'
complete -c vlmc -n '__vlmc_no_action catalog' -a needs-model -d 'Models that archives need'
complete -c vlmc -n '__vlmc_no_action catalog' -a scan -d 'Look for archives in folders'
complete -c vlmc -n '__vlmc_no_action catalog' -a rebuild -d 'Make it again from the archives'
complete -c vlmc -n '__vlmc_no_action catalog' -a check -d 'Its integrity'
complete -c vlmc -n '__vlmc_no_action catalog' -a backup -d 'Copy it to a file'
complete -c vlmc -n '__vlmc_no_action catalog' -a forget -d 'Take archives out of it'
complete -c vlmc -n '__vlmc_no_action catalog' -a volumes -d 'Disks that it knows'
complete -c vlmc -n '__vlmc_no_action catalog' -a name -d 'Name a disk'
complete -c vlmc -n '__vlmc_command catalog' -l all-files -d 'Look into every file'
complete -c vlmc -n '__vlmc_command catalog' -s n -l limit -x -d 'How many to show'
complete -c vlmc -n '__vlmc_command catalog' -l missing -d 'What a scan did not find'
complete -c vlmc -n '__vlmc_action catalog scan rebuild forget backup name' -F

complete -c vlmc -n '__vlmc_no_action jobs' -a list -d 'Jobs on record'
complete -c vlmc -n '__vlmc_no_action jobs' -a resume -d 'Go on with one'
complete -c vlmc -n '__vlmc_no_action jobs' -a cancel -d 'Give one up'
complete -c vlmc -n '__vlmc_action jobs resume cancel' -a '(__vlmc_jobs)'

complete -c vlmc -n '__vlmc_no_action model' -a list -d 'Models on the search path'
complete -c vlmc -n '__vlmc_no_action model' -a info -d 'Describe one'
complete -c vlmc -n '__vlmc_no_action model' -a verify -d 'Check one in full'
complete -c vlmc -n '__vlmc_action model info verify' -F -a '(__vlmc_models)'

complete -c vlmc -n '__vlmc_no_action plugin' -a list -d 'Plugins and their tokenizers'
complete -c vlmc -n '__vlmc_no_action plugin' -a probe -d 'What is made of files'
complete -c vlmc -n '__vlmc_no_action plugin' -a check -d 'Does one keep the rules?'
complete -c vlmc -n '__vlmc_action plugin probe check' -F
complete -c vlmc -n '__vlmc_command plugin' -s l -l long -d 'Side contexts too'
complete -c vlmc -n '__vlmc_command plugin' -l time -x -d 'Seconds to check'
complete -c vlmc -n '__vlmc_command plugin' -l seed -x -d 'Other random inputs'
complete -c vlmc -n '__vlmc_command plugin' -l as -x -d 'Parameters to try'
complete -c vlmc -n '__vlmc_command plugin' -l only -x -d 'One check'
complete -c vlmc -n '__vlmc_command plugin' -l from -x -d 'Begin at this turn'

complete -c vlmc -n '__vlmc_no_action device' -a list -d 'What -d takes'
complete -c vlmc -n '__vlmc_no_action device' -a selftest -d 'Compare with the reference'
complete -c vlmc -n '__vlmc_command device' -s d -l device -x -a '(__vlmc_devices)' -d 'Test this one'
complete -c vlmc -n '__vlmc_command device' -s f -l force -d 'Test again'

complete -c vlmc -n '__vlmc_no_action bench' -a chunks -d 'Chunks of a file'
complete -c vlmc -n '__vlmc_action bench chunks' -F
complete -c vlmc -n '__vlmc_command bench' -l size -x -d 'Bytes of a chunk'
complete -c vlmc -n '__vlmc_command bench' -l as -x -d 'What the file holds'
complete -c vlmc -n '__vlmc_command bench' -l limit -x -d 'Chunks to take'
complete -c vlmc -n '__vlmc_command bench' -l verify -d 'Decode every chunk'

complete -c vlmc -n '__vlmc_no_action help' -a "$commands"

# Encrypted archives.
complete -c vlmc -n '__vlmc_command create extract list info verify diff rekey jobs' -l passphrase-file -r -F -d 'File with the passphrase'
complete -c vlmc -n '__vlmc_command create' -l encrypt -d 'With a passphrase'
complete -c vlmc -n '__vlmc_command create rekey' -l kdf-memory -x -d 'That trying a passphrase takes'
complete -c vlmc -n '__vlmc_command create rekey' -l kdf-passes -x -d 'Over that memory'
complete -c vlmc -n '__vlmc_command create' -l catalog-names -d 'Let the catalog know secret names'
complete -c vlmc -n '__vlmc_command rekey' -l new-passphrase-file -r -F -d 'File with the new one'
complete -c vlmc -n '__vlmc_command rekey' -k -a '(__fish_complete_suffix .vlmc)'
