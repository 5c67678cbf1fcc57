# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Reads from a shared object's debugging information how its functions are called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

_UNSIGNED = {7, 8, 16}
_BOOLEAN, _FLOAT = 2, 4
_QUALIFIERS = {"DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type"}


def function_declarations(path: Path) -> dict[str, str | None]:
    """A C declaration in plain types for each function that *path* exports.

    ``None`` stands for a function with parameters that Python cannot pass, such as structures.
    """
    with path.open("rb") as file:
        elf: Any = ELFFile(file)
        exported = {
            symbol.name
            for symbol in elf.get_section_by_name(".dynsym").iter_symbols()
            if symbol["st_shndx"] != "SHN_UNDEF"
        }
        return {
            name: declaration
            for unit in elf.get_dwarf_info().iter_CUs()
            for name, declaration in _functions(unit.get_top_DIE())
            if name in exported
        }


def _functions(unit: Any) -> Iterator[tuple[str, str | None]]:
    for entry in unit.iter_children():
        if entry.tag == "DW_TAG_subprogram" and "DW_AT_low_pc" in entry.attributes:
            # clang describes a function that it also inlined in an entry apart from the code.
            inlined = "DW_AT_abstract_origin" in entry.attributes
            described = entry.get_DIE_from_attribute("DW_AT_abstract_origin") if inlined else entry
            name = described.attributes["DW_AT_name"].value.decode()
            yield name, _declaration(name, described)


def _declaration(name: str, function: Any) -> str | None:
    parameters: list[str] = []
    for child in function.iter_children():
        if child.tag == "DW_TAG_unspecified_parameters":
            return None
        if child.tag == "DW_TAG_formal_parameter":
            spelled = _spell(child)
            if spelled is None:
                return None
            parameters.append(spelled)
    result = _spell(function)
    return result and f"{result} {name}({', '.join(parameters) or 'void'});"


def _spell(entry: Any) -> str | None:
    """The type of *entry* in words that cffi knows, ``None`` if there are none."""
    if "DW_AT_type" not in entry.attributes:
        return "void"
    type = entry.get_DIE_from_attribute("DW_AT_type")
    if type.tag in _QUALIFIERS:
        return _spell(type)
    if type.tag == "DW_TAG_pointer_type":
        return "char *" if _spell(type) in ("int8_t", "uint8_t") else "void *"
    if type.tag == "DW_TAG_enumeration_type":
        return "int"
    if type.tag == "DW_TAG_base_type":
        encoding = type.attributes["DW_AT_encoding"].value
        size = type.attributes["DW_AT_byte_size"].value
        if encoding == _BOOLEAN:
            return "_Bool"
        if encoding == _FLOAT:
            return {4: "float", 8: "double"}.get(size)
        return f"{'u' if encoding in _UNSIGNED else ''}int{8 * size}_t"
    return None
