# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Running pages under pytest: what is told when something is not as the page says."""

from __future__ import annotations

import pytest

from spec.testing.engine import Engine
from tests.page_project import GOOD, HEAD, QUOTES_THE_UAPI, Project, line_of


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    return Project(pytester, monkeypatch)


def told(result: pytest.RunResult) -> str:
    return result.stdout.str()


def test_a_page_that_is_right_passes(project: Project, engine: Engine) -> None:
    project.page(GOOD)
    result = project.run("--backend", engine.name, "-v")
    result.assert_outcomes(passed=6)
    assert f"docs/page.rst::ports.hit[{engine.name}] PASSED" in told(result)


def test_a_wrong_value_fails_at_its_line(project: Project, engine: Engine) -> None:
    page = project.page(GOOD.replace("   XDP_REDIRECT", "   XDP_TX"))
    result = project.run("--backend", engine.name)
    result.assert_outcomes(failed=1, passed=5)
    rule, line = line_of(page, ".. rule:: ports.hit"), line_of(page, "XDP_TX")
    result.stdout.fnmatch_lines(
        [
            f"*_ docs/page.rst:{rule} ports.hit[[]{engine.name}] _*",
            "       >>> to_port.test_run(frame).retval",
            ">      XDP_TX",
            "E   expected: XDP_TX",
            "E        got: XDP_REDIRECT",
            f"docs/page.rst:{line}: output differs",
            f"FAILED docs/page.rst::ports.hit[[]{engine.name}] - expected XDP_TX, got XDP_REDIRECT",
        ]
    )
    assert "spec/testing" not in told(result)


def test_output_of_several_lines_is_shown_as_a_difference(project: Project, engine: Engine) -> None:
    page = project.page(GOOD + "\n>>> for name in 'abc': print(name)\na\nB\nc\n")
    result = project.run("--backend", engine.name)
    result.stdout.fnmatch_lines(
        [
            "    a",
            ">   B",
            "    c",
            "E   - is expected, + is what came:",
            "E       a",
            "E     - B",
            "E     + b",
            "E       c",
            f"docs/page.rst:{line_of(page, 'B')}: output differs",
        ]
    )


def test_the_page_goes_on_after_a_statement_that_failed(project: Project, engine: Engine) -> None:
    project.page(GOOD.replace("   XDP_REDIRECT", "   XDP_TX").replace("   XDP_PASS", "   XDP_DROP"))
    project.run("--backend", engine.name).assert_outcomes(failed=2, passed=4)


def test_an_exception_is_told_in_one_line(project: Project, engine: Engine) -> None:
    page = project.page(GOOD + "\n>>> ports.update(9, eth1)\n")
    result = project.run("--backend", engine.name)
    result.stdout.fnmatch_lines(
        [
            ">   >>> ports.update(9, eth1)",
            "E   KernelError: E2BIG",
            f"docs/page.rst:{line_of(page, '>>> ports.update(9')}: KernelError: E2BIG",
        ]
    )
    assert "Traceback" not in told(result)


def test_a_map_that_does_not_exist_is_told_in_one_line(project: Project, engine: Engine) -> None:
    project.page(GOOD + "\n>>> prots.lookup(0)\n")
    result = project.run("--backend", engine.name)
    result.stdout.fnmatch_lines(["FAILED * - NameError: name 'prots' is not defined"])


def test_an_exception_that_does_not_come_is_missed(project: Project, engine: Engine) -> None:
    expected = "Traceback (most recent call last):\n  ...\nKernelError: EEXIST\n"
    page = project.page(f"{GOOD}\n>>> ports.update(0, eth1)\n{expected}")
    result = project.run("--backend", engine.name)
    line = line_of(page, "KernelError: EEXIST")
    problem = "expected KernelError: EEXIST, but nothing was raised"
    result.stdout.fnmatch_lines([f"docs/page.rst:{line}: {problem}"])


def test_another_exception_than_expected_fails(project: Project, engine: Engine) -> None:
    expected = "Traceback (most recent call last):\n  ...\nKernelError: EEXIST\n"
    project.page(f"{GOOD}\n>>> ports.update(9, eth1)\n{expected}")
    result = project.run("--backend", engine.name)
    result.stdout.fnmatch_lines(["E   expected: KernelError: EEXIST", "E        got: *E2BIG"])


def test_a_c_block_that_does_not_compile_is_quoted(project: Project, engine: Engine) -> None:
    page = project.page(GOOD.replace("bpf_redirect_map(&ports,", "bpf_redirect_map(&prots,"))
    result = project.run("--backend", engine.name)
    result.assert_outcomes(failed=6)
    line = line_of(page, "return bpf_redirect_map")
    result.stdout.fnmatch_lines(
        [
            f"*_ docs/page.rst:{line_of(page, ':name: to_port') - 1} to_port[[]{engine.name}] _*",
            '*SEC("xdp")',
            ">          return bpf_redirect_map(&prots, 0, XDP_PASS);",
            "E   use of undeclared identifier 'prots'*",
            f"docs/page.rst:{line}: use of undeclared identifier 'prots'*",
        ]
    )
    why = f"not run: docs/page.rst:{line} (to_port) failed first"
    assert told(result).count(f"[{engine.name}] - {why}") == 5


def test_a_program_that_is_refused_is_put_down_to_its_block(
    project: Project, engine: Engine
) -> None:
    block = (
        ".. code-block:: c\n   :name: writes\n\n"
        '   SEC("xdp")\n   int writes(struct xdp_md *ctx)\n   {\n'
        "       __u32 slot = 0;\n\n"
        "       bpf_map_delete_elem(&ports, &slot);\n       return XDP_PASS;\n   }\n"
    )
    project.page(f"{HEAD}\n{block}\n>>> 1\n1\n")
    result = project.run("--backend", engine.name)
    result.assert_outcomes(failed=5)
    result.stdout.fnmatch_lines(["FAILED *::writes* - KernelError: EACCES: write into map*"])


def test_user_space_code_that_does_not_compile_is_quoted(project: Project, engine: Engine) -> None:
    head = ".. code-block:: c\n   :name: one\n   :user:\n\n"
    block = f"{head}   int one(void)\n   {{\n       retrun 1;\n   }}\n"
    page = project.page(f"{HEAD}\n{block}")
    result = project.run("--backend", engine.name)
    result.stdout.fnmatch_lines([f"docs/page.rst:{line_of(page, 'retrun')}: *retrun*"])


def test_a_page_that_cannot_be_read_is_told_in_one_line(project: Project) -> None:
    project.page(GOOD.replace(":since: 5.3", ":begin: 5.3"))
    result = project.run("--backend", "model")
    result.stdout.fnmatch_lines(
        ["ERROR docs/page.rst - unknown option :begin: of rule; known are *"]
    )
    assert "Traceback" not in told(result)


def test_one_example_alone_runs_what_stands_above_it(project: Project, engine: Engine) -> None:
    project.page(GOOD)
    result = project.run("--backend", engine.name, f"docs/page.rst::ports.miss[{engine.name}]")
    result.assert_outcomes(passed=1)


def test_examples_may_run_in_several_processes(project: Project, engine: Engine) -> None:
    project.page(GOOD.replace("   XDP_REDIRECT", "   XDP_TX"))
    result = project.run("--backend", engine.name, "-n", "2")
    result.assert_outcomes(failed=1, passed=5)
    result.stdout.fnmatch_lines(["FAILED *ports.hit* - expected XDP_TX, got XDP_REDIRECT"])


def test_a_rule_of_another_release_is_skipped_and_not_run(project: Project, engine: Engine) -> None:
    project.page(GOOD.replace(":since: 5.3", ":since: 99.1").replace("   XDP_REDIRECT", "   NO"))
    result = project.run("--backend", engine.name)
    result.assert_outcomes(passed=5, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED *docs/page.rst:*: not in this release: since 99.1, *"])


def test_a_rule_that_ended_before_this_release_is_skipped(project: Project, engine: Engine) -> None:
    project.page(GOOD.replace(":since: 5.3", ":until: 5.3"))
    project.run("--backend", engine.name).assert_outcomes(passed=5, skipped=1)


def test_a_rule_that_needs_hardware_says_so(project: Project, engine: Engine) -> None:
    project.page(f"{GOOD}\n.. rule:: ports.nic\n   :needs: hardware\n\n   A NIC does it.\n")
    result = project.run("--backend", engine.name)
    result.assert_outcomes(passed=6, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED *: needs hardware: modelled, not executed"])


def test_a_new_lab_forgets_names_and_map_contents(project: Project, engine: Engine) -> None:
    again = ".. lab:: eth0 eth1\n\n>>> ports.update(0, eth1)\n>>> x = 1\n\n.. lab:: eth2\n"
    project.page(f"{HEAD}\n{again}\n>>> ports.lookup(0)\n{'eth1'}\n>>> x\n1\n>>> eth0\neth0\n")
    result = project.run("--backend", engine.name)
    result.stdout.fnmatch_lines(
        ["*KernelError: ENOENT", "*name 'x' is not*", "*name 'eth0' is not*"]
    )


def test_a_myst_page_fails_at_its_own_line(project: Project, engine: Engine) -> None:
    text = "# Page\n\n```{lab} eth0\n```\n\n```pycon\n>>> eth0\neth1\n```\n"
    project.page(text, "page.md")
    result = project.run("--backend", engine.name)
    result.stdout.fnmatch_lines(
        [">   eth1", "E   expected: eth1", "E        got: eth0", "docs/page.md:8: output differs"]
    )


def test_backend_chooses_the_engine(project: Project) -> None:
    project.page(GOOD)
    result = project.run("--backend", "model", "--collect-only", "-q")
    assert "ports.hit[model]" in told(result)
    assert "[kernel]" not in told(result)


def test_an_engine_that_is_missing_is_skipped_with_the_reason(project: Project) -> None:
    project.page(GOOD)
    project.take_away_the_kernel("no root")
    result = project.run()
    result.assert_outcomes(passed=6, skipped=6)
    result.stdout.fnmatch_lines(["SKIPPED [[]6] docs/page.rst: kernel: no root"])


def test_a_missing_engine_that_was_demanded_is_an_error(project: Project) -> None:
    project.page(GOOD)
    project.take_away_the_kernel("no root")
    result = project.run("--demand-kernel")
    result.assert_outcomes(passed=6, errors=6)
    result.stdout.fnmatch_lines(["E*kernel: no root"])


WITHOUT_TYPES = """
from spec.errors import CannotTellError


class Untyped(spec.ModelLab):
    def struct(self, name):
        raise CannotTellError("no types; boot another kernel")


spec.ModelLab = Untyped
"""


def test_what_an_engine_cannot_tell_is_skipped_and_an_error_if_it_was_demanded(
    project: Project,
) -> None:
    conftest = project.path / "conftest.py"
    conftest.write_text(conftest.read_text() + WITHOUT_TYPES)
    project.page(QUOTES_THE_UAPI)
    result = project.run("--backend", "model")
    result.assert_outcomes(passed=6, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED * no types; boot another kernel"])
    result = project.run("--backend", "model", "--demand-kernel")
    result.assert_outcomes(passed=6, failed=1)
    result.stdout.fnmatch_lines(["*model: no types; boot another kernel"])
