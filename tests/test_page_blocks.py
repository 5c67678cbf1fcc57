# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Blocks of other kinds on a page: user-space C, separate objects, quoted structures, commands."""

from __future__ import annotations

from textwrap import indent

import pytest

from spec.testing.engine import Engine
from tests.page_project import HEAD, Project, line_of

USER_HEAD = """\
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <net/if.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    return Project(pytester, monkeypatch)


def block(language: str, name: str, source: str, *options: str) -> str:
    lines = [f".. code-block:: {language}", f"   :name: {name}", *(f"   {o}" for o in options)]
    return "\n".join(lines) + "\n\n" + indent(source, "   ") + "\n"


def user(source: str) -> str:
    return block("c", "user", USER_HEAD + source, ":user:")


def check(project: Project, engine: Engine, text: str, **outcomes: int) -> pytest.RunResult:
    project.page(f"{HEAD}\n{text}")
    result = project.run("--backend", engine.name)
    result.assert_outcomes(**outcomes)
    return result


def test_c_functions_reach_the_maps_of_the_lab(project: Project, engine: Engine) -> None:
    code = user("""
int put(int fd, __u32 key, __u32 ifindex) { return bpf_map_update_elem(fd, &key, &ifindex, 0); }
int take(int fd, __u32 key) { return bpf_map_delete_elem(fd, &key); }
__u32 get(int fd, __u32 key)
{
    __u32 ifindex = 0;

    return bpf_map_lookup_elem(fd, &key, &ifindex) ? 0 : ifindex;
}
""")
    text = f"""{code}
>>> put(ports.fd, 2, eth1.ifindex)
0
>>> ports.lookup(2), get(ports.fd, 2) == eth1.ifindex
(eth1, True)
>>> take(ports.fd, 2), get(ports.fd, 2)
(0, 0)
"""
    check(project, engine, text, passed=5)


def test_a_failed_call_returns_the_negative_errno_and_sets_it(
    project: Project, engine: Engine
) -> None:
    code = user("""
int put(int fd, __u32 key)
{
    int err;

    errno = 0;
    err = bpf_map_update_elem(fd, &key, &key, BPF_NOEXIST);
    printf("%s %d\\n", strerror(errno), err == -errno);
    return err;
}
""")
    text = f"""{code}
>>> put(ports.fd, 9)
Argument list too long 1
-7
>>> put(ports.fd, 1)
File exists 1
-17
>>> put(-1, 1)
Bad file descriptor 1
-9
"""
    check(project, engine, text, passed=5)


def test_what_c_writes_is_shown_in_its_order(project: Project, engine: Engine) -> None:
    code = user("""
void speak(const char *first)
{
    printf("%s\\n", first);
    fprintf(stderr, "second\\n");
    printf("third");
}
""")
    check(project, engine, f'{code}\n>>> speak("one")\none\nsecond\nthird\n', failed=1, passed=4)
    check(project, engine, f'{code}\n>>> speak("one"); print()\none\nsecond\nthird\n', passed=5)


def test_c_variables_last_as_long_as_the_lab(project: Project, engine: Engine) -> None:
    code = user("\nstatic int calls;\n\nint count(void) { return ++calls; }\n")
    text = f"{code}\n>>> count(), count()\n(1, 2)\n\n.. lab:: eth0\n\n>>> count()\n1\n"
    check(project, engine, text, passed=6)


def test_a_loader_in_c_finds_the_page_s_object(project: Project, engine: Engine) -> None:
    code = user("""
int walk(const char *path)
{
    struct bpf_object *object = bpf_object__open_file(path, NULL);
    struct bpf_map *map = NULL;

    if (!object) {
        fprintf(stderr, "%s: %s\\n", path, strerror(errno));
        return -errno;
    }
    bpf_object__for_each_map(map, object)
        printf("map %s %d\\n", bpf_map__name(map), bpf_map__fd(map) >= 0);
    if (bpf_object__load(object))
        return -1;
    printf("%d\\n", bpf_map__fd(bpf_object__find_map_by_name(object, "ports")) >= 0);
    printf("%d\\n", bpf_object__find_map_by_name(object, "none") == NULL && errno == ENOENT);
    bpf_object__close(object);
    return 0;
}
""")
    text = f"""{code}
>>> walk("page.bpf.o")
map ports 0
1
1
0
>>> walk("none.bpf.o")
none.bpf.o: No such file or directory
-2
"""
    check(project, engine, text, passed=5)


def test_a_loader_in_c_attaches_programs(project: Project, engine: Engine) -> None:
    code = user("""
int attach(const char *name, int fd) { return bpf_xdp_attach(if_nametoindex(name), fd, 0, NULL); }
int detach(const char *name) { return bpf_xdp_detach(if_nametoindex(name), 0, NULL); }
int known(const char *name) { return if_nametoindex(name) != 0; }
""")
    text = f"""{code}
>>> attach("eth0", to_port.fd), known("eth0"), known("nope")
(0, 1, 0)
>>> ports.update(0, eth1)
>>> eth0.receive(frame)
xdp_redirect     eth0 -> eth1  map ports[0]
xdp_devmap_xmit  eth0 -> eth1  sent 1 drops 0
>>> detach("eth0")
0
>>> eth0.receive(frame)
no events
"""
    check(project, engine, text, passed=5)


def test_c_can_ask_for_a_map_s_properties(project: Project, engine: Engine) -> None:
    code = user("""
int entries(int fd)
{
    struct bpf_map_info info = {};
    __u32 length = sizeof(info);
    int err = bpf_obj_get_info_by_fd(fd, &info, &length);

    return err ? err : (int)info.max_entries;
}
""")
    check(project, engine, f"{code}\n>>> entries(ports.fd)\n4\n", passed=5)


def test_text_comes_back_from_c(project: Project, engine: Engine) -> None:
    code = user('\nconst char *word(int which) { return which ? "word" : NULL; }\n')
    check(project, engine, f"{code}\n>>> word(1), word(0)\n('word', None)\n", passed=5)


def test_a_separate_object_is_loaded_on_request(project: Project, engine: Engine) -> None:
    source = 'SEC("xdp")\nint alone(struct xdp_md *ctx)\n{\n    return ctx ? XDP_TX : XDP_DROP;\n}'
    code = block("c", "alone", source, ":object: alone", ":after: includes")
    text = f"""{code}
>>> with lab.load(alone) as loaded:
...     loaded.programs["alone"].test_run(frame).retval
XDP_TX
"""
    check(project, engine, text, passed=5)


def test_a_separate_object_that_does_not_compile_fails_alone(
    project: Project, engine: Engine
) -> None:
    code = block("c", "broken", "int broken(void) { return nothing; }", ":object: broken")
    result = check(project, engine, code, passed=4, failed=1)
    result.stdout.fnmatch_lines(["FAILED *::broken* - use of undeclared identifier 'nothing'"])


QUOTED = """\
struct bpf_devmap_val {
    __u32 ifindex;
    union {
        int fd;
        __u32 id;
    } bpf_prog;
};"""


def test_a_quoted_structure_is_compared_with_the_kernel_s(project: Project, engine: Engine) -> None:
    check(project, engine, block("c", "val", QUOTED, ":uapi: bpf_devmap_val"), passed=5)


@pytest.mark.parametrize(
    ("old", "new", "line", "detail"),
    [
        ("__u32 ifindex", "__u64 ifindex", "__u64 ifindex", "+ ifindex: offset 0, size 4"),
        ("__u32 id", "__u32 number", "__u32 number", "+ bpf_prog.id: offset 4, size 4"),
    ],
)
def test_a_structure_quoted_wrongly_fails_at_the_member(
    project: Project, engine: Engine, old: str, new: str, line: str, detail: str
) -> None:
    quoted = block("c", "val", QUOTED.replace(old, new), ":uapi: bpf_devmap_val")
    result = check(project, engine, quoted, passed=4, failed=1)
    place = f"docs/page.rst:{line_of(project.docs / 'page.rst', line)}: "
    result.stdout.fnmatch_lines([f"E *{detail}", f"{place}struct bpf_devmap_val differs *"])


def test_a_command_may_name_tracepoints_that_exist(project: Project, engine: Engine) -> None:
    command = "bpftrace -e 'tracepoint:xdp:xdp_redirect* { print(args->map_id, args.err); }'"
    check(project, engine, block("sh", "watch", command + "\nperf record -e 'xdp:*'"), passed=5)


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("perf record -e xdp:xdp_lost", "there is no tracepoint xdp:xdp_lost"),
        (
            "bpftrace -e 'tracepoint:xdp:xdp_exception { print(args->to_ifindex); }'",
            "xdp:xdp_exception has no field 'to_ifindex'",
        ),
        (
            "bpftrace -e 'tracepoint:xdp:xdp_redirect { print(args->err); }\n"
            "  tracepoint:xdp:xdp_exception { print(args->err); }'",
            "xdp:xdp_exception has no field 'err'",
        ),
    ],
)
def test_a_command_that_could_not_work_fails(
    project: Project, engine: Engine, command: str, problem: str
) -> None:
    result = check(project, engine, block("sh", "watch", command), passed=4, failed=1)
    result.stdout.fnmatch_lines([f"FAILED *::watch* - {problem}"])
