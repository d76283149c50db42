"""The contract suite for adapters: twenty sequences that broke real systems, played against yours."""

from dita.certify.bench import Bench, Unmet
from dita.certify.rig import NotOffered, Rig, Trouble
from dita.certify.run import Result, Verdict, certify, certify_one
from dita.certify.scripted import ScriptedRig
from dita.certify.sequences import SEQUENCES, Scene, Sequence
from dita.certify.simulated import SimulatedRig

__all__ = [
    "SEQUENCES",
    "Bench",
    "NotOffered",
    "Result",
    "Rig",
    "Scene",
    "ScriptedRig",
    "Sequence",
    "SimulatedRig",
    "Trouble",
    "Unmet",
    "Verdict",
    "certify",
    "certify_one",
]
