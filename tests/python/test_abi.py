# SPDX-License-Identifier: Apache-2.0
"""The ctypes structs and constants against the C headers, by a C program that prints them."""

import ctypes
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess

import pytest

from seqmix import _abi, _abi_scans, _library

INCLUDE = pathlib.Path(__file__).parents[2] / "include"

STRUCTS = {
    "seqmix_tensor": (_abi.Tensor, None),
    "seqmix_device_info": (_abi.DeviceInfo, "SEQMIX_DEVICE_INFO_INIT"),
    "seqmix_context_options": (_abi.ContextOptions, "SEQMIX_CONTEXT_OPTIONS_INIT"),
    "seqmix_attention_args": (_abi.AttentionArgs, "SEQMIX_ATTENTION_ARGS_INIT"),
    "seqmix_attention_merge_args": (_abi.AttentionMergeArgs, "SEQMIX_ATTENTION_MERGE_ARGS_INIT"),
    "seqmix_linear_attention_args": (
        _abi.LinearAttentionArgs,
        "SEQMIX_LINEAR_ATTENTION_ARGS_INIT",
    ),
    "seqmix_linear_recurrence_args": (
        _abi_scans.LinearRecurrenceArgs,
        "SEQMIX_LINEAR_RECURRENCE_ARGS_INIT",
    ),
    "seqmix_selective_scan_args": (
        _abi_scans.SelectiveScanArgs,
        "SEQMIX_SELECTIVE_SCAN_ARGS_INIT",
    ),
    "seqmix_prefix_scan_args": (_abi_scans.PrefixScanArgs, "SEQMIX_PREFIX_SCAN_ARGS_INIT"),
    "seqmix_causal_conv1d_args": (_abi_scans.CausalConv1dArgs, "SEQMIX_CAUSAL_CONV1D_ARGS_INIT"),
}

ENUMS = {  # C's name and the prefix of its constants
    "seqmix_status": (_abi.Status, "SEQMIX_ERROR_"),
    "seqmix_dtype": (_abi.Dtype, "SEQMIX_"),
    "seqmix_memory": (_abi.Memory, "SEQMIX_MEMORY_"),
    "seqmix_head_sharing": (_abi.HeadSharing, "SEQMIX_HEADS_"),
    "seqmix_scores_mode": (_abi.ScoresMode, "SEQMIX_SCORES_"),
    "seqmix_update_rule": (_abi.UpdateRule, "SEQMIX_UPDATE_"),
    "seqmix_feature_map": (_abi.FeatureMap, "SEQMIX_FEATURE_"),
    "seqmix_normalize": (_abi.Normalize, "SEQMIX_NORMALIZE_"),
    "seqmix_scan_op": (_abi_scans.ScanOp, "SEQMIX_SCAN_"),
    "seqmix_activation": (_abi_scans.Activation, "SEQMIX_ACTIVATION_"),
}

CONSTANTS = {
    "SEQMIX_API_VERSION": _abi.API_VERSION,
    "SEQMIX_MAX_DIMS": _abi.MAX_DIMS,
    "SEQMIX_MAX_THREADS": _abi.MAX_THREADS,
    "SEQMIX_SCALE_DEFAULT": _abi.SCALE_DEFAULT,
    "SEQMIX_FLOOR_DEFAULT": _abi.FLOOR_DEFAULT,
    "SEQMIX_OFFSET_END": _abi.OFFSET_END,
}

PROGRAM = """
#include <inttypes.h>
#include <stdio.h>
#include <seqmix/seqmix.h>
#define NUMBER(name, value) printf("  \\"%s\\": %" PRId64 ",\\n", name, (int64_t)(value))
static void bytes(const char *name, const void *data, size_t size) {{
  printf("  \\"%s\\": \\"", name);
  for (size_t i = 0; i < size; i++) printf("%02x", ((const unsigned char *)data)[i]);
  printf("\\",\\n");
}}
int main(void) {{
  printf("{{\\n");
{body}
  printf("  \\"end\\": 0\\n}}\\n");
  return 0;
}}
"""


def enumerators(enum, prefix):
    """The names in C of an enumeration's values."""
    return {
        "SEQMIX_OK" if member is _abi.Status.OK else f"{prefix}{member.name}": int(member)
        for member in enum
    }


def expected():
    """Name -> value, as Python has them."""
    values = {}
    for name, (struct, initial) in STRUCTS.items():
        values[f"sizeof({name})"] = ctypes.sizeof(struct)
        for field, _ in struct._fields_:
            descriptor = getattr(struct, field)
            values[f"offsetof({name}, {field})"] = descriptor.offset
            values[f"sizeof((({name} *)0)->{field})"] = descriptor.size
        if initial:
            values[initial] = bytes(struct.initial()).hex()
    for enum, prefix in ENUMS.values():
        values.update(enumerators(enum, prefix))
    for name, value in CONSTANTS.items():
        values[name] = bytes(ctypes.c_double(value)).hex() if isinstance(value, float) else value
    return values


def statements():
    """C statements that print the same."""
    for name, value in expected().items():
        if not isinstance(value, str):
            yield f'  NUMBER("{name}", {name});'
        elif name in CONSTANTS:
            yield f'  {{ double value = {name}; bytes("{name}", &value, sizeof(value)); }}'
        else:
            struct = next(c_name for c_name, (_, initial) in STRUCTS.items() if initial == name)
            yield f'  {{ {struct} value = {name}; bytes("{name}", &value, sizeof(value)); }}'


@pytest.fixture(scope="module")
def compiler():
    command = shlex.split(os.environ.get("CC", "cc"))
    if shutil.which(command[0]) is None:
        pytest.skip(f"no C compiler to read the headers with: {command[0]} is missing (set CC)")
    return command


def test_sizes_offsets_initial_values_and_constants(compiler, tmp_path):
    source, program = tmp_path / "abi.c", tmp_path / "abi"
    source.write_text(PROGRAM.format(body="\n".join(statements())))
    command = [
        *compiler,
        "-std=c11",
        "-Werror",
        "-I",
        str(INCLUDE),
        str(source),
        "-o",
        str(program),
    ]
    subprocess.run(command, check=True)
    printed = json.loads(subprocess.run([program], check=True, capture_output=True).stdout)
    printed.pop("end")
    assert printed == expected()


@pytest.mark.parametrize("name", STRUCTS)
def test_no_room_for_an_unnoticed_member(name):
    """Without padding a member that C has and Python has not changes a size or an offset."""
    struct = STRUCTS[name][0]
    assert sum(getattr(struct, field).size for field, _ in struct._fields_) == ctypes.sizeof(struct)


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


HEADERS = without_comments(
    "\n".join(
        (INCLUDE / "seqmix" / f"{name}.h").read_text()
        for name in (
            "types",
            "context",
            "sharing",
            "attention",
            "linear_attention",
            "linear_recurrence",
            "selective_scan",
            "prefix_scan",
            "causal_conv1d",
            "version",
        )
    )
)


@pytest.mark.parametrize("name", ENUMS)
def test_enumerations_are_complete(name):
    body = re.search(rf"typedef enum {name} \{{(.*?)\}} {name};", HEADERS, re.DOTALL).group(1)
    assert re.findall(r"\bSEQMIX_\w+", body) == list(enumerators(*ENUMS[name]))


# Pointers, whatever they point to, and the integers of a prototype.
def kind_of_c_type(text):
    if "*" in text:
        return "pointer"
    kinds = {"seqmix_status": "int32", "int32_t": "int32", "uint64_t": "uint64", "void": "void"}
    return kinds[text.strip()]


def kind_of_ctypes(kind):
    if kind is None:
        return "void"
    return {ctypes.c_int32: "int32", ctypes.c_uint64: "uint64"}.get(kind, "pointer")


@pytest.mark.parametrize("name", [name for name, _, _ in _library._PROTOTYPES])
def test_prototypes(name):
    _, result, arguments = next(row for row in _library._PROTOTYPES if row[0] == name)
    declared = re.search(rf"SEQMIX_EXPORT\s+([\w\s]+?[\s*]+){name}\(([^)]*)\);", HEADERS)
    parameters = [] if declared.group(2) == "void" else declared.group(2).split(",")
    assert kind_of_ctypes(result) == kind_of_c_type(declared.group(1))
    assert [kind_of_ctypes(kind) for kind in arguments] == [
        kind_of_c_type(re.sub(r"\w+$", "", parameter.strip())) for parameter in parameters
    ]
