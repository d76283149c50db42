"""Strategy graphs: what is verified, how they are put together, how they run, and each fault by its name."""

import contextlib
import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from crossing import KEY, MADE, cross
from dita.cli import main
from dita.graphs import (
    Graph,
    GraphError,
    GraphRun,
    InvalidForm,
    InvalidNode,
    Node,
    Output,
    RunFault,
    as_svg,
    canonical,
    compose,
    graph_of,
    hash_of,
    load_graph,
    proven,
    signed,
    verify,
)
from dita.graphs.cron import Cron
from dita.graphs.strategy import GraphStrategy
from dita.strategy import Strategy

MINUTE_NS = 60_000_000_000


def result_of(node: Node, *others: Node, values: dict[str, str] | None = None) -> Decimal:
    return GraphRun(proven(Graph(node.id, (*others, node)))).run(values or {}).value


# ------------------------------------------------------------ running


def test_a_run_reads_keeps_and_decides() -> None:
    run = GraphRun(cross(), {"alpha": "0.5"})
    said = [run.run({"market:BTCUSDT/mid": price}) for price in ("110", "90", "98")]
    assert [one.value for one in said] == [Decimal("0.01"), Decimal(0), Decimal("0.01")]
    assert [one.outputs["average"] for one in said] == [Decimal(105), Decimal("97.5"), Decimal("97.75")]
    assert run.state == {"average": Decimal("97.75")}


def test_the_same_inputs_and_state_give_the_same_proof() -> None:
    runs = [GraphRun(cross(), {"alpha": "0.5"}) for _ in range(2)]
    first, second = (run.run({"market:BTCUSDT/mid": "101.5"}) for run in runs)
    assert first == second
    other = GraphRun(cross(), {"alpha": "0.5"}).run({"market:BTCUSDT/mid": "101.6"})
    assert other.input_hash != first.input_hash
    assert other.trace_hash != first.trace_hash


def test_state_comes_back() -> None:
    run = GraphRun(cross(), {"alpha": "0.5"})
    run.run({"market:BTCUSDT/mid": "110"})
    again = GraphRun(cross(), {"alpha": "0.5"})
    again.restore(run.state)
    prices = {"market:BTCUSDT/mid": "107"}
    assert again.run(prices).outputs == run.run(prices).outputs


def test_permission_and_route_choose_by_their_thresholds() -> None:
    low, high = MADE("constant", value="1"), MADE("constant", value="9")
    asked = MADE("permission", subject=low.id, action=high.id, threshold="1.0", fallback=low.id)
    assert result_of(asked, low, high) == 9
    routes = [
        {"condition": low.id, "threshold": "2", "target": high.id, "name": "never"},
        {"condition": high.id, "threshold": "9", "target": high.id},
    ]
    assert result_of(MADE("route", routes=routes, default=low.id), low, high) == 9
    assert result_of(MADE("route", routes=routes[:1], default=low.id), low, high) == 1


def test_a_timer_is_due_in_its_minute_and_once() -> None:
    three = MADE("constant", value="3")
    timer = MADE("timer", target=three.id, cron="*/5 * * * *", max_concurrent=1, overlap_policy="skip")
    run = GraphRun(proven(Graph(timer.id, (three, timer))))
    said = [run.run({}, at * MINUTE_NS).value for at in (10, 11, 14, 16, 25)]
    assert said == [3, 0, 0, 3, 3]


@pytest.mark.parametrize(
    ("text", "minutes", "due"),
    [
        ("0 9 * * 1-5", (9 * 60, 9 * 60 + 1), (True, False)),
        ("30 */6 1,15 1 *", (6 * 60 + 30, 7 * 60 + 30), (True, False)),
        ("* * * * 4", (0, 24 * 60), (True, False)),
        ("0 0 13 * 4", (0, 24 * 60), (True, False)),
    ],
)
def test_cron_names_its_minutes(text: str, minutes: tuple[int, ...], due: tuple[bool, ...]) -> None:
    # The first of January 1970 was a Thursday.
    cron = Cron.parsed("x", text)
    said = tuple(cron.is_due((at - 1) * MINUTE_NS, at * MINUTE_NS) for at in minutes)
    assert said == due


def test_a_run_without_a_result_names_the_node_and_changes_no_state() -> None:
    run = GraphRun(cross(), {"alpha": "0.5"})
    with pytest.raises(RunFault, match="NoInput"):
        run.run({})
    assert run.state == {"average": Decimal(100)}
    zero, one = MADE("constant", value="0"), MADE("constant", value="1")
    broken = MADE("operation", op="div", inputs=[one.id, zero.id], places=2, rounding="DOWN")
    with pytest.raises(RunFault, match=f"{broken.id}: DivisionByZero"):
        result_of(broken, zero, one)


def test_the_graph_of_the_documents_runs_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-strategy-graph.md"
    code = page.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    exec(compile(code, "example", "exec"), {"__name__": "example"})  # noqa: S102 - the example is our own
    run = GraphRun(load_graph(Path("cross.0")))
    for at in range(2_000):
        run.run({"market:BTCUSDT/mid": f"{50_000 + at % 977}.{at % 100:02}"})
    assert 50_000 < run.state["average"] < 51_000


def test_a_product_that_rounds_says_how_and_one_that_grows_says_what_to_do() -> None:
    a, b = MADE("constant", value="1.25"), MADE("constant", value="0.1")
    exact = MADE("operation", op="mul", inputs=[a.id, b.id])
    rounded = MADE("operation", op="mul", inputs=[a.id, b.id], places=2, rounding="UP")
    assert (result_of(exact, a, b), result_of(rounded, a, b)) == (Decimal("0.125"), Decimal("0.13"))
    half = MADE("operation", op="mul", inputs=[a.id, b.id], places=2)
    with pytest.raises(InvalidNode, match="rounding: is missing: a mul that rounds says how"):
        result_of(half, a, b)
    tiny = MADE("constant", value="0.000000000000000001")
    grown = MADE("operation", op="mul", inputs=[tiny.id, tiny.id])
    with pytest.raises(RunFault, match=r"Inexact: the run has no result; let a mul or a div before it round"):
        result_of(grown, tiny)


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({}, "alpha: is missing"),
        ({"alpha": 1, "beta": 2}, "'beta' is no parameter"),
        ({"alpha": "nan"}, "no decimal"),
    ],
)
def test_parameters_are_all_given_and_known(params: dict[str, Any], named: str) -> None:
    with pytest.raises(RunFault, match=named):
        GraphRun(cross(), params)


# ------------------------------------------------------------ the form


def test_a_graph_goes_to_a_file_and_comes_back(tmp_path: Path) -> None:
    graph = signed(cross(), KEY)
    graph.save(tmp_path / "cross.0")
    again = load_graph(tmp_path / "cross.0")
    assert again == graph
    assert again.to_bytes() == (tmp_path / "cross.0").read_bytes()
    verify(again)


def test_canonical_json_has_sorted_keys_and_no_blanks() -> None:
    assert canonical({"b": [1, True, None], "a": "é"}) == '{"a":"é","b":[1,true,null]}'.encode()
    with pytest.raises(InvalidForm, match="write decimals as text"):
        canonical({"a": 1.5})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "is no JSON"),
        ("[]", "is no JSON object"),
        ('{"format":1}', "entry_point: is missing"),
        ('{"format":2,"entry_point":"a","nodes":[]}', "format: 2"),
        ('{"format":1,"entry_point":"a","nodes":[],"x":1}', "x: is no key"),
        ('{"format":1,"entry_point":"a","nodes":[{"id":"a"}]}', r"nodes\[0\]\.kind"),
        ('{"format":1,"entry_point":"a","nodes":[{"id":"a","kind":"constant","value":1.5}]}', "1.5"),
        ('{"format":1,"entry_point":"a","nodes":[NaN]}', "NaN"),
        ('{"format":1,"format":1,"entry_point":"a","nodes":[]}', "one key twice"),
        ('{"format":1,"entry_point":"a","nodes":[],"version":-1}', "version"),
    ],
)
def test_a_file_of_another_form_is_refused_by_name(text: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "x.0").write_text(text)
    with pytest.raises(InvalidForm, match=named):
        load_graph(tmp_path / "x.0")


# ------------------------------------------------------------ each fault by its name


def with_node(node: Node, *others: Node) -> Graph:
    """A graph of these, with the right proofs as far as there can be any."""
    graph = Graph(node.id, (*others, node))
    halting = {"kind": "halting", "max_steps": 100, "fuel_budget": 100}
    return replace(graph, proofs=(halting,))


def circle() -> Graph:
    one = Node("sha256:a", "operation", {"op": "neg", "inputs": ["sha256:b"]})
    two = Node("sha256:b", "operation", {"op": "neg", "inputs": ["sha256:a"]})
    return with_node(one, two)


def two_shapes() -> Graph:
    one = MADE("constant", value="1")
    yes = MADE("operation", op="not", inputs=[one.id])
    return with_node(MADE("operation", op="select", inputs=[one.id, one.id, yes.id]), one, yes)


def forged() -> Graph:
    graph = signed(cross(), KEY)
    return replace(graph, metadata={**graph.metadata, "name": "another"})


def wrong_shapes() -> Graph:
    graph = cross()
    halting, shapes = graph.proofs
    stated = dict.fromkeys(shapes["shapes"], "bool")
    return replace(graph, proofs=(halting, {"kind": "shapes", "shapes": stated}))


ONE = MADE("constant", value="1")
FAULTS: dict[str, list[Callable[[], object]]] = {
    "TooManyNodes": [lambda: graph_of({**cross().to_dict(), "nodes": [{}] * 10_001})],
    "EmptyGraph": [lambda: verify(replace(cross(), nodes=()))],
    "UnknownKind": [
        lambda: verify(with_node(MADE("magic"))),
        lambda: verify(with_node(MADE("operation", op="pow", inputs=[ONE.id, ONE.id]), ONE)),
    ],
    "InvalidNode": [
        lambda: verify(with_node(MADE("constant", value="NaN"))),
        lambda: verify(with_node(MADE("constant"))),
        lambda: verify(with_node(MADE("constant", value="1", colour="red"))),
        lambda: verify(with_node(MADE("operation", op="add", inputs=[ONE.id]), ONE)),
        lambda: verify(with_node(MADE("operation", op="div", inputs=[ONE.id, ONE.id]), ONE)),
        lambda: verify(
            with_node(
                MADE("timer", target=ONE.id, cron="* * *", max_concurrent=1, overlap_policy="skip"), ONE
            )
        ),
        lambda: verify(
            with_node(
                MADE("timer", target=ONE.id, cron="* * * * *", max_concurrent=1, overlap_policy="drop"), ONE
            )
        ),
        lambda: verify(
            with_node(
                MADE("state", key="a", default="1"), MADE("state", key="a", default="2", inputs=[ONE.id]), ONE
            )
        ),
    ],
    "InvalidEntryPoint": [lambda: verify(replace(cross(), entry_point="sha256:0"))],
    "InvalidOutput": [
        lambda: verify(replace(cross(), outputs=(Output("a", "sha256:0"),))),
        lambda: verify(replace(cross(), outputs=(Output("a", cross().entry_point),) * 2)),
    ],
    "MissingNode": [lambda: verify(with_node(MADE("operation", op="neg", inputs=["sha256:0"])))],
    "CycleDetected": [lambda: verify(circle())],
    "HashMismatch": [
        lambda: verify(with_node(Node("sha256:0", "constant", {"value": "1"}))),
        lambda: graph_of({**cross().to_dict(), "nodes": [cross().to_dict()["nodes"][0]] * 2}),
    ],
    "UnknownExternal": [
        lambda uri=uri: verify(with_node(MADE("external", uri=uri)))
        for uri in (
            "file:/etc/passwd",
            "https://example.org",
            "market:BTCUSDT/volume",
            "param:",
            "account:usdt/equity",
        )
    ],
    "MissingHaltingProof": [
        lambda: verify(replace(cross(), proofs=())),
        lambda: verify(replace(cross(), proofs=({"kind": "halting", "max_steps": 11, "fuel_budget": 11},))),
    ],
    "ShapeProofInvalid": [lambda: verify(wrong_shapes()), lambda: verify(two_shapes())],
    "SignatureInvalid": [
        lambda: verify(forged()),
        lambda: verify(replace(cross(), proofs=(*cross().proofs, {"kind": "signature", "algorithm": "rsa"}))),
    ],
}


@pytest.mark.parametrize(
    ("name", "at"), [(name, at) for name, made in FAULTS.items() for at in range(len(made))]
)
def test_a_graph_with_one_fault_is_refused_by_its_name(name: str, at: int) -> None:
    with pytest.raises(GraphError) as refused:
        FAULTS[name][at]()
    assert refused.value.name == name


# ------------------------------------------------------------ composition


def sizing() -> Graph:
    signal, most = MADE("external", uri="param:signal"), MADE("constant", value="0.5")
    size = MADE("operation", op="mul", inputs=[signal.id, most.id])
    return proven(Graph(size.id, (signal, most, size), (Output("size", size.id),), (), {"pair": "ETH/USDT"}))


def signalling(name: str = "signal", reads: str = "market:ETHUSDT/mid") -> Graph:
    read, four = MADE("external", uri=reads), MADE("constant", value="4")
    signal = MADE("operation", op="div", inputs=[read.id, four.id], places=4, rounding="HALF_EVEN")
    return proven(Graph(signal.id, (read, four, signal), (Output(name, signal.id),)))


def test_an_output_becomes_the_parameter_of_its_name() -> None:
    for graphs in ([signalling(), sizing()], [sizing(), signalling()]):
        whole = compose(graphs)
        verify(whole)
        run = GraphRun(whole)
        assert run.externals == ("market:ETHUSDT/mid",)
        assert run.run({"market:ETHUSDT/mid": "10"}).value == Decimal("1.25")
        assert [output.name for output in whole.outputs] == ["signal", "size"]
    assert whole.metadata["pair"] == "ETH/USDT"


def test_graphs_that_do_not_fit_together_are_refused_by_name() -> None:
    one = MADE("constant", value="1")
    yes = MADE("operation", op="not", inputs=[one.id])
    is_bool = proven(Graph(yes.id, (one, yes), (Output("signal", yes.id),)))
    for graphs, name in (
        ([signalling("b", "param:a"), signalling("a", "param:b")], "CycleDetected"),
        ([signalling(), signalling()], "InvalidOutput"),
        ([signalling("a"), signalling("b")], "PortMismatch"),
        ([is_bool, sizing()], "PortMismatch"),
        ([sizing()], "PortMismatch"),
    ):
        with pytest.raises(GraphError) as refused:
            compose(graphs)
        assert refused.value.name == name


# ------------------------------------------------------------ any graph


def drawn(random_: random.Random) -> Graph:
    nodes = [MADE("external", uri="market:BTCUSDT/mid"), MADE("constant", value="2")]
    for _ in range(random_.randrange(1, 30)):
        one, two, three = (random_.choice(nodes).id for _ in range(3))
        nodes.append(
            random_.choice(
                [
                    MADE("constant", value=str(random_.randrange(-50, 50))),
                    MADE("operation", op=random_.choice(["add", "sub", "min", "max"]), inputs=[one, two]),
                    MADE("operation", op="div", inputs=[one, two], places=4, rounding="HALF_EVEN"),
                    MADE("branch", condition=one, threshold="1", true_branch=two, false_branch=three),
                    MADE(
                        "route", routes=[{"condition": one, "threshold": "0", "target": two}], default=three
                    ),
                    MADE("state", key=f"k{random_.randrange(10**9)}", default="1", inputs=[one]),
                ]
            )
        )
    unique = {node.id: node for node in nodes}
    return proven(Graph(nodes[-1].id, tuple(unique.values())))


@pytest.mark.parametrize("seed", range(40))
def test_what_verify_takes_halts_and_what_is_changed_is_refused(seed: int) -> None:
    random_ = random.Random(seed)  # noqa: S311 - a test's own graphs
    for _ in range(5):
        graph = drawn(random_)
        run = GraphRun(graph)
        assert run.fuel_needed <= graph.proofs[0]["fuel_budget"]
        with contextlib.suppress(RunFault):
            run.run({"market:BTCUSDT/mid": "50000.5"})
        at = random_.randrange(len(graph.nodes))
        node = graph.nodes[at]
        changed = replace(node, fields={**node.fields, "value": "12345"})
        mutated = replace(graph, nodes=(*graph.nodes[:at], changed, *graph.nodes[at + 1 :]))
        with pytest.raises(GraphError) as refused:
            verify(mutated)
        assert refused.value.name == ("HashMismatch" if node.kind == "constant" else "InvalidNode")


# ------------------------------------------------------------ pictures, the command line, a backtest


def test_a_picture_names_every_node() -> None:
    picture = as_svg(cross())
    assert picture.count("<rect ") == 11
    assert "market:BTCUSDT/mid" in picture
    assert "entry" in picture


def test_the_commands_inspect_verify_and_compose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, graph in (("cross", cross()), ("signal", signalling()), ("sizing", sizing())):
        graph.save(tmp_path / f"{name}.0")
    file = str(tmp_path / "cross.0")
    assert main(["verify", file]) == 0
    assert "11 nodes, valid; it is not signed" in capsys.readouterr().out
    assert main(["inspect", file, "-v", "--svg", str(tmp_path / "cross.svg")]) == 0
    said = capsys.readouterr().out
    assert "reads        market:BTCUSDT/mid" in said
    assert "at least 0?" in said
    assert (tmp_path / "cross.svg").read_text().startswith("<svg")
    assert main(["inspect", file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == ["alpha"]
    parts = [str(tmp_path / "signal.0"), str(tmp_path / "sizing.0")]
    assert main(["compose", *parts, "-o", str(tmp_path / "whole.0")]) == 0
    assert main(["compose", *parts, "--output", str(tmp_path / "same.0")]) == 0
    assert (tmp_path / "same.0").read_bytes() == (tmp_path / "whole.0").read_bytes()
    verify(load_graph(tmp_path / "whole.0"))


def test_a_graph_with_a_fault_ends_the_command_with_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = cross().to_dict()
    document["nodes"][8]["value"] = "100"
    (tmp_path / "x.0").write_text(json.dumps(document))
    assert main(["verify", str(tmp_path / "x.0")]) == 1
    assert "HashMismatch" in capsys.readouterr().err


def test_a_backtest_runs_a_graph_and_each_order_carries_its_proof(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    proofs: list[dict[str, str]] = []

    def enter(self: GraphStrategy, *what: Any, **fields: Any) -> Any:
        proofs.append(fields["metadata"])
        return Strategy.enter(self, *what, **fields)

    monkeypatch.setattr(GraphStrategy, "enter", enter)
    signed(cross("50000"), KEY).save(tmp_path / "cross.0")
    prices = ["50000", "52000", "48000", "48000", "51500", "47500", "47500"]
    rows = [
        f"{1_700_000_000 + 60 * at},{price},{price},{price},{price},10" for at, price in enumerate(prices)
    ]
    market = tmp_path / "BTCUSDT.csv"
    market.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    assert main(["backtest", str(tmp_path / "cross.0"), "--data", str(market), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert len(report["trades"]) == len(proofs) == 2
    graph = load_graph(tmp_path / "cross.0")
    run = GraphRun(graph, {"alpha": "0.5"})
    expected = [run.run({"market:BTCUSDT/mid": price}) for price in ("50000.0", "52000.0")]
    assert proofs[0] == {
        "graph": graph.content_id.removeprefix("sha256:"),
        "inputs": expected[0].input_hash,
        "trace": expected[0].trace_hash,
        "signature": graph.proofs[-1]["signature"],
    }
    assert all(len(canonical(proof)) <= 400 for proof in proofs)


def test_a_node_is_the_hash_of_its_content() -> None:
    node = MADE("constant", value="1")
    assert node.id == hash_of({"id": "anything", "kind": "constant", "value": "1"})
    digest = hashlib.sha256(b'{"kind":"constant","value":"1"}').hexdigest()
    assert node.id == f"sha256:{digest}"
