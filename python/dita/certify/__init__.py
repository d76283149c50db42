"""The contract suite for adapters: plain trading, and twenty sequences that broke real systems."""

from dita.certify.bench import Bench, Unmet
from dita.certify.mistreated import AdapterFault, Mistreated
from dita.certify.rig import NotOffered, Rig, Trouble
from dita.certify.run import Result, Verdict, certify, certify_one
from dita.certify.scripted import ScriptedRig
from dita.certify.sequences import SEQUENCES, Scene, Sequence
from dita.certify.simulated import SimulatedRig
from dita.certify.torture import Ordeal, fired, network_fired, torture_adapter

__all__ = [
    "SEQUENCES",
    "AdapterFault",
    "Bench",
    "Mistreated",
    "NotOffered",
    "Ordeal",
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
    "fired",
    "network_fired",
    "torture_adapter",
]
