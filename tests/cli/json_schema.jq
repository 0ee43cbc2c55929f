# SPDX-License-Identifier: Apache-2.0
# jq --slurpfile rows ROWS --arg command C: of lines of JSON, "KIND<TAB>" for each that the rows of
# a kind allow, and "<TAB>LINE" for each that none does. ROWS: {command, kind, key, type, always}.

def steps: gsub("\\[\\]"; ".[]") | split(".");

def fits($wanted):
    if $wanted == "path" or $wanted == "string" then type == "string"
    elif $wanted == "count" then type == "number" and . >= 0 and . == floor
    elif $wanted == "number" then type == "number"
    elif $wanted == "true or false" then type == "boolean"
    elif $wanted == "digest" then type == "string" and test("^[0-9a-f]{64}$")
    elif $wanted == "time" then
        type == "string" and test("^([0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9:]{8}([.][0-9]{9})?Z|@-?[0-9]+)$")
    elif $wanted == "list" then type == "array"
    elif $wanted == "object" then type == "object"
    else tojson as $text | any($wanted | scan("\"[^\"]*\""); . == $text)
    end;

# The rows of what is one step down.
def below($rows; $step): $rows | map(select(.steps[0] == $step or .steps[0] == "*") | .steps |= .[1:]);

def valid($rows):
    . as $value
    | all($rows[] | select(.steps == []); . as $row | $value | fits($row.type))
    and (if type == "object" then
        all(keys[]; . as $key | below($rows; $key) as $inner
            | if $inner != [] then $value[$key] | valid($inner)
              else endswith("_b64") and ($value[$key] | type == "string")
                   and any($rows[]; .steps == [$key[:-4]] and .type == "path")
              end)
        and all($rows[] | select(.always and (.steps | length == 1) and .steps[0] != "*");
                .steps[0] as $key | $value | has($key))
    elif type == "array" then
        below($rows; "[]") as $inner | all(.[]; valid($inner))
    else true
    end);

($rows | map(select(.command == $command) | .steps = (.key | steps))) as $mine
| . as $line
| [$mine | group_by(.kind)[] | . as $kind | select($line | valid($kind)) | $kind[0].kind]
| if . == [] then "\t" + ($line | tojson) else .[0] + "\t" end
