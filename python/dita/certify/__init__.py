"""The contract suite for adapters: plain trading, and twenty sequences that broke real systems."""

from dita.certify.bench import Bench, Unmet
from dita.certify.faulty_adapter import AdapterFault, FaultyAdapter
from dita.certify.rig import NotOffered, Rig, VenueFault
from dita.certify.run import Result, Verdict, certify, certify_one
from dita.certify.scripted import ScriptedRig
from dita.certify.sequences import SEQUENCES, Scene, Sequence
from dita.certify.simulated import SimulatedRig
from dita.certify.torture import SeedResult, fired, network_fired, torture_adapter

__all__ = [
    "SEQUENCES",
    "AdapterFault",
    "Bench",
    "FaultyAdapter",
    "NotOffered",
    "Result",
    "Rig",
    "Scene",
    "ScriptedRig",
    "SeedResult",
    "Sequence",
    "SimulatedRig",
    "Unmet",
    "VenueFault",
    "Verdict",
    "certify",
    "certify_one",
    "fired",
    "network_fired",
    "torture_adapter",
]
