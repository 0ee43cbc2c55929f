#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# no_float.sh FOLDER: disassembles every .spv file of FOLDER and fails on a floating-point type,
# opcode, capability or extended instruction. Integers decide every bit of an archive.
# With --self-test it checks itself on shaders that do and do not compute with floats.
set -euo pipefail

# Prints the offending lines of one SPIR-V file; exit 0 if there are any, 2 if it is unreadable.
float_lines() {
    local text
    text=$(spirv-dis --no-color --raw-id "$1") || return 2
    grep -nE \
        -e 'OpType(Float|CooperativeMatrix.*[Ff]loat)' \
        -e '\bOp(F(Add|Sub|Mul|Div|Rem|Mod|Negate|Ord|Unord|Convert)[A-Za-z]*|FUnord[A-Za-z]*)\b' \
        -e '\bOpConvert(FTo[SU]|[SU]ToF)\b' \
        -e '\bOp(IsNan|IsInf|IsFinite|IsNormal|SignBitSet|LessOrGreater|Ordered|Unordered)\b' \
        -e '\bOp(Dot|VectorTimesScalar|MatrixTimes[A-Za-z]+|VectorTimesMatrix|OuterProduct|QuantizeToF16)\b' \
        -e '\bOp(DPdx|DPdy|Fwidth)[A-Za-z]*\b' \
        -e '\bOp(GroupF|GroupNonUniformF|AtomicF)[A-Za-z]+\b' \
        -e '\bOp(Image(Sample|Gather|Fetch|Read|Write)|TypeImage|TypeSampler)[A-Za-z]*\b' \
        -e 'OpCapability (Float|StorageInputOutput16|AtomicFloat)[A-Za-z0-9]*' \
        -e 'OpExtInst .* (F[A-Z][A-Za-z]*|Round(Even)?|Trunc|Floor|Ceil|Fract|Radians|Degrees|A?(Sin|Cos|Tan)h?|Atan2|Pow|Exp2?|Log2?|Sqrt|InverseSqrt|Determinant|MatrixInverse|Modf(Struct)?|N(Min|Max|Clamp)|Frexp(Struct)?|Ldexp|(Unp|P)ack(Snorm|Unorm|Half|Double)[0-9A-Za-z]*|Length|Distance|Cross|Normalize|FaceForward|Reflect|Refract|SmoothStep|Step|InterpolateAt[A-Za-z]+)\b' \
        <<<"$text"
}

self_test() {
    local scratch failed=0
    scratch=$(mktemp -d)
    # shellcheck disable=SC2064 # the folder is known now
    trap "rm -rf '$scratch'" EXIT
    local head='#version 450
layout(local_size_x = 1) in;
layout(set = 0, binding = 0) buffer B { uint v[]; };
void main() {'
    local bad=('v[0] = uint(float(v[1]) * 0.5);' 'v[0] = floatBitsToUint(sqrt(uintBitsToFloat(v[1])));'
        'v[0] = packHalf2x16(unpackHalf2x16(v[1]));' 'v[0] = uint(double(v[1]) * 3.0LF);')
    local good=('v[0] = v[1] * 3u + uint(bitfieldExtract(int(v[2]), 8, 8));'
        'uint h, l; umulExtended(v[0], v[1], h, l); v[0] = h + min(l, uint(findMSB(v[2])));')
    local code
    for code in "${bad[@]}"; do
        echo "$head $code }" >"$scratch/bad.comp"
        glslc --target-env=vulkan1.1 -O "$scratch/bad.comp" -o "$scratch/bad.spv"
        if ! float_lines "$scratch/bad.spv" >/dev/null; then
            echo "self-test: not found to use floats: $code"
            failed=1
        fi
    done
    for code in "${good[@]}"; do
        echo "$head $code }" >"$scratch/good.comp"
        glslc --target-env=vulkan1.1 -O "$scratch/good.comp" -o "$scratch/good.spv"
        if float_lines "$scratch/good.spv"; then
            echo "self-test: wrongly found to use floats: $code"
            failed=1
        fi
    done
    exit $failed
}

if [ "${1:-}" = --self-test ]; then
    self_test
fi

folder=${1:?usage: no_float.sh FOLDER | --self-test}
files=0
failed=0
for file in "$folder"/*.spv; do
    [ -e "$file" ] || continue
    files=$((files + 1))
    result=0
    lines=$(float_lines "$file") || result=$?
    case $result in
    0)
        echo "$(basename "$file") computes with floating point:"
        echo "$lines"
        failed=1
        ;;
    1) ;;
    *)
        echo "$(basename "$file") cannot be disassembled"
        failed=1
        ;;
    esac
done
if [ $files -eq 0 ]; then
    echo "no compiled shader in $folder"
    exit 1
fi
echo "$files shaders checked"
exit $failed
