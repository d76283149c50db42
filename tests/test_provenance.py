"""Entries from audited runs only, and no aggressive buying in a crisis: from Python."""

import itertools

import pytest

from dita import ControlUpdate, ExecutionKernel, KernelDiagnosticCode, KernelIntent, Regime
from kernels import ENTER, intent, opened

_NAMES = itertools.count()


def entered(kernel: ExecutionKernel, **fields: object) -> KernelDiagnosticCode:
    """What an entry is answered."""
    return kernel.process_intent(intent(ENTER, f"i{next(_NAMES)}", **fields)).diagnostic_code


def test_an_entry_needs_an_audited_run() -> None:
    with opened() as kernel:
        kernel.update_control(ControlUpdate(require_audit=True, audited=("run-7",), updated_by="ops"))
        assert entered(kernel) == KernelDiagnosticCode.NOT_AUDITED
        assert entered(kernel, source_run="run-8") == KernelDiagnosticCode.NOT_AUDITED
        assert entered(kernel, source_run="run-7") == KernelDiagnosticCode.OK
        assert kernel.control.audited == ("run-7",)
        assert kernel.control.require_audit


def test_a_crisis_needs_an_audited_override() -> None:
    with opened() as kernel:
        kernel.update_control(ControlUpdate(audited=("action-1@9000000000",)))
        assert entered(kernel, regime="CRISIS") == KernelDiagnosticCode.REGIME_BLOCKED
        kernel.update_control(ControlUpdate(regime=Regime.CRISIS))
        assert entered(kernel) == KernelDiagnosticCode.REGIME_BLOCKED
        assert entered(kernel, override_ref="action-1@9000000000") == KernelDiagnosticCode.OK


@pytest.mark.parametrize(
    "fields", [{}, {"source_run": "r"}, {"regime": "CRISIS"}, {"override_ref": "a", "regime": "NORMAL"}]
)
def test_provenance_survives_the_round_trip(fields: dict[str, str]) -> None:
    made = intent(ENTER, "i", **fields)
    assert KernelIntent(**made.to_dict()) == made
    assert made.replace(source_run="", regime=None, override_ref="") == intent(ENTER, "i")
