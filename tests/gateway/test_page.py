"""The page in a real browser: what it shows, what it does, and what it has to complain about."""

import json
import os
import shutil
import signal
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dita import ControlUpdate, ExitSpec, KernelIntent, timetravel
from dita.gateway import Access, HostSource, Hub, ReadOnlySource, TokenFile
from dita.gateway.app import PAGE, build_app
from dita.gateway.guards import Guards
from dita.gateway.refused import UnknownTrade
from dita.gateway.running import bound, served
from dita.strategy import Strategy
from dita.timetravel.story import story_lines
from gateways import MARKET_BUY, RESTING, SYMBOL, Desk, desk, fill_slots, gateway, host_in
from standing import Pair, Venue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next((found for found in map(shutil.which, NAMES) if found), None)
AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
VIEWS = (
    "overview",
    "slots",
    "orders",
    "account",
    "equity",
    "trades",
    "strategies",
    "followers",
    "story",
    "log",
)
WAIT_MS = 20_000
PHONE: dict[str, Any] = {"viewport": {"width": 375, "height": 700}}
#: What goes over the wire when the page is opened, at most.
BYTES_GZIPPED_MAX = 60 * 1024

pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no Chromium was found on the path"),
    pytest.mark.skipif(not (PAGE / "vendor").is_dir(), reason="the page is not packed: run `make web`"),
    pytest.mark.xdist_group("browser"),
]


class FAILS(Strategy):
    """Fails at its first tick."""

    def on_tick(self, now: Any) -> None:
        """Fail."""
        raise ValueError("no <b>weights</b>")


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - its driver is started here

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


def shoot(page: "Page", name: str) -> None:
    """Keep a picture of a page in the folder that DITA_SCREENSHOTS names."""
    if folder := os.environ.get("DITA_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def check_accessible(page: "Page") -> None:
    """Let axe-core look at a page whose policy lets it in, where it is there."""
    if AXE.is_file():
        page.add_script_tag(path=AXE)
        wrong = page.evaluate("axe.run().then((told) => told.violations)")
        assert [(one["id"], one["nodes"][0]["html"]) for one in wrong] == []


def check_narrow(page: "Page") -> None:
    """See that nothing is wider than a phone."""
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]


def reported_of(log: Path, trade: str) -> list[str]:
    """Tell a trade's story as the command line does."""
    try:
        return story_lines(timetravel.explain(log, trade))
    except timetravel.UnknownTrade as error:
        raise UnknownTrade(str(error)) from error


class Seen:
    """A page, and what it has complained of."""

    def __init__(self, browser: "Browser", found: Desk, role: str = "operate", **context: Any) -> None:
        self.complaints: list[str] = []
        self.page: Page = browser.new_context(**context).new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self.page.goto(f"{found.url}/#token={found.token(role)}")
        self.page.wait_for_selector(".verdict h1")

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def view(self, name: str) -> None:
        """Go to a view."""
        self.page.click(f'nav a[href="#{name}"]')


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_is_shown_without_a_complaint_and_accessible(
    tmp_path: Path, browser: "Browser", scheme: str
) -> None:
    with desk(tmp_path) as found, found.client("trade") as client:
        client.post("/api/order", json=MARKET_BUY)
        client.post("/api/order", json=RESTING)
        # The checker is put into the page by the test: the page's own policy would not have it.
        seen = Seen(browser, found, color_scheme=scheme, bypass_csp=True)
        seen.page.wait_for_selector("text=BTCUSDT")
        for name in VIEWS:
            seen.view(name)
            seen.page.wait_for_selector(f'nav a[href="#{name}"][aria-current="page"]')
            shoot(seen.page, f"{name}-{scheme}")
            check_accessible(seen.page)
        assert seen.complaints == []
        back = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (int(back.removeprefix("rgb(").split(",")[0]) < 128) is (scheme == "dark")


def test_what_happens_is_shown_without_a_reload(tmp_path: Path, browser: "Browser") -> None:
    with desk(tmp_path) as found, found.client("trade") as client:
        seen = Seen(browser, found)
        seen.page.wait_for_selector("text=Nothing.")
        client.post("/api/order", json=MARKET_BUY)
        seen.page.wait_for_selector("td:has-text('60000.1')")
        seen.view("orders")
        client.post("/api/order", json=RESTING)
        seen.page.wait_for_selector("td:has-text('50000')")
        assert seen.complaints == []


def test_the_page_comes_back_when_the_gateway_does(tmp_path: Path, browser: "Browser") -> None:
    with host_in(tmp_path / "host") as host, ExitStack() as second:
        host.serve()
        with gateway(host, tmp_path) as found:
            found.quote("60000.0", "60000.1", 1)
            port = int(found.url.rpartition(":")[2])
            seen = Seen(browser, found)
            token = found.token("operate")
        seen.page.wait_for_selector(".standing.away")
        assert "Act now" in seen.page.inner_text(".verdict h1")
        again = second.enter_context(gateway(host, tmp_path, port=port))
        # Sessions live as long as the gateway: it asks for the token, and goes on.
        seen.page.fill("#token", token)
        seen.page.click("button:has-text('Log in')")
        seen.page.wait_for_selector(".standing.live")
        again.quote("60100.0", "60100.1", 2)
        seen.view("trades")
        seen.page.wait_for_selector('[aria-label^="The mark price is 60100;"]')


def test_a_halt_by_keyboard_takes_the_typed_word_and_carries_a_name(
    tmp_path: Path, browser: "Browser"
) -> None:
    with desk(tmp_path) as found:
        seen = Seen(browser, found)
        for _ in range(30):
            seen.page.keyboard.press("Tab")
            if seen.page.evaluate("document.activeElement.textContent") == "Halt":
                break
        seen.page.keyboard.press("Enter")
        seen.page.wait_for_selector("dialog[open] #confirm:focus")
        seen.page.keyboard.type("HAL")
        assert seen.page.is_disabled("dialog button.halt")
        seen.page.keyboard.type("T")
        seen.page.keyboard.press("Enter")
        seen.page.wait_for_selector("text=is halted by operate-0")
        control = found.host.kernel(None).control
        assert (str(control.gate), control.updated_by) == ("HALTED", "operate-0")
        seen.page.wait_for_selector("dialog[open]", state="detached")
        assert seen.complaints == []


def test_a_control_of_one_account_leaves_the_other_alone(tmp_path: Path, browser: "Browser") -> None:
    with desk(tmp_path, **{"accounts.other.simulated.balances.USDT": "1000"}) as found:
        seen = Seen(browser, found)

        def press(act: str, account: str) -> None:
            seen.page.click(f"button.{act}")
            seen.page.select_option("#account", label=account)
            seen.page.fill("#confirm", act.upper())
            seen.page.click(f"dialog button.{act}")
            seen.page.wait_for_selector("dialog", state="detached")

        def gates() -> dict[str, str]:
            return {name: str(kernel.control.gate) for name, kernel in found.host.accounts.items()}

        press("halt", "other")
        seen.page.wait_for_selector(".gates span:has-text('other:') b:text-is('HALTED')")
        assert gates() == {"main": "NORMAL", "other": "HALTED"}
        press("halt", "all accounts")
        assert gates() == {"main": "HALTED", "other": "HALTED"}
        press("resume", "main")
        assert gates() == {"main": "NORMAL", "other": "HALTED"}
        assert seen.complaints == []


def test_who_only_looks_on_is_offered_nothing_to_press(tmp_path: Path, browser: "Browser") -> None:
    with desk(tmp_path) as found:
        seen = Seen(browser, found, role="read")
        assert seen.page.is_disabled("button.halt")
        assert seen.page.is_visible("text=it looks on")


def test_a_phone_shows_every_view_without_scrolling_sideways(tmp_path: Path, browser: "Browser") -> None:
    with desk(tmp_path) as found, found.client("trade") as client:
        client.post("/api/order", json=MARKET_BUY)
        seen = Seen(browser, found, **PHONE)
        seen.page.wait_for_selector("text=BTCUSDT")
        for name in VIEWS:
            seen.view(name)
            seen.page.wait_for_selector(f'nav a[href="#{name}"][aria-current="page"]')
            shoot(seen.page, f"{name}-phone")
            check_narrow(seen.page)


def test_a_text_from_outside_is_shown_as_text(tmp_path: Path, browser: "Browser") -> None:
    evil = "<img/src=x/onerror=alert(1)>"

    def story(log: Path, trade: str) -> list[str]:
        return [*story_lines(timetravel.explain(log, trade)), "<script>alert(2)</script>"]

    with desk(tmp_path, story=story) as found, found.client("trade") as client:
        said = client.post("/api/order", json={**MARKET_BUY, "client_order_id": evil})
        assert said.json()["status"] == "FILLED"
        seen = Seen(browser, found)
        seen.view("slots")
        seen.page.click(f"main a:has-text('{evil}')")
        seen.page.wait_for_selector("main pre:has-text('<script>alert(2)</script>')")
        seen.page.wait_for_selector(f"main h1:has-text('{evil}')")
        assert seen.page.query_selector("main img, main script") is None
        assert seen.complaints == []


def test_a_trades_story_has_an_address_of_its_own(tmp_path: Path, browser: "Browser") -> None:
    odd = "a/b%41&token=x#?"
    with desk(tmp_path, story=reported_of) as found, found.client("trade") as client:
        sent = client.post("/api/order", json={**MARKET_BUY, "client_order_id": odd})
        assert sent.json()["status"] == "FILLED", sent.text
        seen = Seen(browser, found, bypass_csp=True)
        page = seen.page
        seen.view("slots")
        link = page.locator("main table a")
        link.wait_for()
        trade = link.inner_text()
        assert odd in trade
        # By keyboard: the link, then the title, from where it goes on.
        link.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("main h1:focus")
        assert page.inner_text("main h1") == f"The story of {trade}"
        page.wait_for_selector("main pre:has-text('BTCUSDT')")
        reported = page.inner_text("main pre")
        assert page.get_attribute('nav a[href="#story"]', "aria-current") == "page"
        assert page.title() == f"Story main {trade} - DITA"
        address = page.url
        assert address.startswith(f"{found.url}/#story/main/")
        page.keyboard.press("Tab")
        page.wait_for_selector("main pre:focus")
        check_accessible(page)
        page.go_back()
        page.wait_for_selector('nav a[href="#slots"][aria-current="page"]')
        link.wait_for()
        page.go_forward()
        page.wait_for_selector(f"main pre:has-text('{SYMBOL}')")
        page.reload()
        page.wait_for_selector(f"main pre:has-text('{SYMBOL}')")
        assert (page.url, page.inner_text("main pre")) == (address, reported)
        # What has happened since is told when it is read again.
        sell = {**MARKET_BUY, "side": "sell", "client_order_id": "out"}
        assert client.post("/api/order", json=sell).json()["status"] == "FILLED"
        page.click("button:has-text('Read again')")
        page.wait_for_function(
            "(before) => document.querySelector('main pre').innerText !== before", arg=reported
        )
        assert seen.complaints == []
        # Sent to somebody who is not logged in.
        other = browser.new_context().new_page()
        other.goto(address)
        other.fill("#token", found.token("read"))
        other.click("button:has-text('Log in')")
        other.wait_for_selector(f"main h1:text-is('The story of {trade}')")
        other.wait_for_selector(f"main pre:has-text('{SYMBOL}')")
        assert other.url == address


def test_a_story_is_asked_for_by_name_and_what_is_not_known_is_said(
    tmp_path: Path, browser: "Browser"
) -> None:
    with desk(tmp_path, story=reported_of) as found, found.client("trade") as client:
        client.post("/api/order", json=MARKET_BUY)
        seen = Seen(browser, found)
        page = seen.page
        seen.view("story")
        known = page.locator("main li a")
        known.wait_for()
        trade = known.inner_text()
        page.fill("[name=trade]", "nothing")
        page.click("button:has-text('Tell')")
        page.wait_for_selector("main [role=alert]:has-text('nothing')")
        assert page.locator("main pre").count() == 0
        page.click("a:has-text('Another trade')")
        page.fill("[name=trade]", f" {trade} ")
        page.keyboard.press("Enter")
        page.wait_for_selector("main pre:has-text('BTCUSDT')")
        # An address that names nothing is the first screen's.
        for wrong in ("#story/%E0%A4%A", "#nothing/at/all", "#toString"):
            page.goto(f"{found.url}/{wrong}")
            page.wait_for_selector(".verdict h1")
        # The browser says itself that the story of what is not known was not found.
        assert [one for one in seen.complaints if "404" not in one] == []


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_a_story_is_read_in_every_light_and_width(tmp_path: Path, browser: "Browser", look: str) -> None:
    context = PHONE if look == "phone" else {"color_scheme": look}
    name = "m" * 30 if look == "phone" else "m1"
    with desk(tmp_path, story=reported_of) as found, found.client("trade") as client:
        client.post("/api/order", json={**MARKET_BUY, "client_order_id": name})
        seen = Seen(browser, found, bypass_csp=True, **context)
        seen.view("slots")
        seen.page.click("main table a")
        seen.page.wait_for_selector("main pre:has-text('BTCUSDT')")
        shoot(seen.page, f"story-of-a-trade-{look}")
        check_accessible(seen.page)
        if look == "phone":
            check_narrow(seen.page)
        assert seen.complaints == []


EVIL_BOT = "<img/src=x/onerror=alert(1)>"


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_bots_on_one_account_are_shown_with_their_money(
    tmp_path: Path, browser: "Browser", look: str
) -> None:
    context = PHONE if look == "phone" else {"color_scheme": look}
    capital = {
        "accounts.main.bots.scalper.capital": "60000",
        "accounts.main.bots.scalper.max_slots": 2,
        "accounts.main.bots.scalper.max_order_notional": "50000",
        "accounts.main.bots.idle.capital": "400",
    }
    with desk(tmp_path, **capital) as found:
        # The configuration takes no such name; a program that opens a bot itself may give any.
        kernel = found.host.kernel(None)
        given = {"asset": "USDT", "transfer_id": "x1", "by": "test", "opens": True}
        moved = kernel.transfer_capital(None, EVIL_BOT, "7", **given)
        assert moved.accepted, moved
        seen = Seen(browser, found, bypass_csp=True, **context)
        page = seen.page
        row = "table.bots tr:has(th:text-is('{}'))"
        page.wait_for_selector(row.format("scalper"))
        assert found.host.client("scalper", "main", slots=2).enter(SYMBOL, "LONG", "0.5").accepted
        # It has a position that costs: the bot's own row changes, and no other one's.
        page.wait_for_selector(f"{row.format('scalper')} td:nth-child(4):not(:text-is('0'))")
        shoot(page, f"bots-{look}")
        shown = {
            cells[0]: dict(
                zip(page.locator("table.bots thead th").all_inner_texts()[1:], cells[1:], strict=True)
            )
            for cells in (
                one.locator("th, td").all_inner_texts() for one in page.locator("table.bots tbody tr").all()
            )
        }
        held = {one["bot"]: one for one in kernel.snapshot()["account"]["bots"]}
        assert [*shown] == [*held]
        assert (shown["scalper"]["Limits"], shown["idle"]["Limits"]) == ("1 of 2 slots, 50000 an order", "")
        names = {"K": "wallet", "Fees": "fees", "Budget": "budget", "In use": "margin", "Free": "free"}
        for bot, cells in shown.items():
            for title, name in names.items():
                there = held[bot][name]
                assert Decimal(cells[title]) == there, (bot, title)
        assert (
            sum(Decimal(cells["K"]) for cells in shown.values()) == kernel.snapshot()["account"]["k_capital"]
        )
        assert Decimal(shown["scalper"]["Fees"]) > 0 == Decimal(shown[EVIL_BOT]["Fees"])
        assert page.locator("main img, main script").count() == 0
        check_accessible(page)
        if look == "phone":
            check_narrow(page)
        assert seen.complaints == []


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Pair]":
    pytest.importorskip("aiohttp")
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))
    venue = Venue()
    one = Pair(tmp_path, venue)
    yield one
    one.close()
    venue.close()


def test_who_stands_by_is_shown_until_it_has_taken_over(
    tmp_path: Path, browser: "Browser", pair: Pair
) -> None:
    primary = pair.start().pid
    pair.await_primary()
    tokens = TokenFile(tmp_path / "tokens.json")
    hub = Hub(HostSource(pair.directory), idle_s=0.05)
    app = build_app(hub, Access(tokens), guards=Guards(requests_per_s=1e6, burst=1e6))
    with served(app, bound("127.0.0.1", 0)) as port:
        page = browser.new_context(bypass_csp=True, reduced_motion="reduce").new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(f"http://127.0.0.1:{port}/#token={tokens.add('me', 'read')}")
        page.wait_for_selector(".standing.live")
        page.click('nav a[href="#followers"]')
        page.wait_for_selector("h2:has-text('Followers')")
        assert page.locator("h2:has-text('Standbys')").count() == 0
        standby = pair.start("--standby").pid
        row = f"[aria-label=Standbys] tr:has(td:text-is('{standby}'))"
        for said in ("standing by", f"process {primary}, serving", "main: 0 behind", "the primary's"):
            page.wait_for_selector(f'{row} td:has-text("{said}")')
        for look in ("light", "dark"):
            page.emulate_media(color_scheme=look)  # type: ignore[arg-type]
            shoot(page, f"standby-{look}")
            check_accessible(page)
        page.set_viewport_size(PHONE["viewport"])
        check_narrow(page)
        shoot(page, "standby-phone")
        pair.kill(primary, signal.SIGKILL)
        page.wait_for_selector("[aria-label=Standbys]", state="detached")
        assert pair.await_primary(primary) == standby
        page.wait_for_selector(".standing.live")
        page.click('nav a[href="#log"]')
        page.wait_for_selector(f".log li:has-text('process {standby} has taken over')")


def test_the_first_screen_says_what_is_wrong_and_why_k_and_e_differ(
    tmp_path: Path, browser: "Browser"
) -> None:
    with desk(tmp_path) as found:
        kernel = found.host.kernel(None)
        wallet = {"kind": "ACCOUNT_UPDATE", "asset": "USDT"}
        kernel.on_account_event({"timestamp": 2, **wallet, "wallet_balance": "100000"})
        seen = Seen(browser, found)
        seen.page.wait_for_selector(".verdict h1:text-is('All is well')")
        kernel.on_account_event({"timestamp": 3, **wallet, "wallet_balance": "99995.5"})
        seen.page.wait_for_selector(".waterfall th:has-text('UNEXPLAINED')")
        assert "4.50000000" in seen.page.inner_text(".money")
        assert seen.page.inner_text(".waterfall .sum td").strip() == "-4.5"
        found.host.load(FAILS, name="fails", account="main").start()
        found.host.strategies.tick(kernel.now_ns)
        seen.page.wait_for_selector(".verdict.act li:has-text('Strategy fails has failed')")
        assert "fails" in seen.page.inner_text(".card:has(h2:text-is('Stuck'))")
        found.host.control(ControlUpdate(frozen=True, updated_by="anna"))
        seen.page.wait_for_selector(".gates:has-text('frozen by anna')")
        seen.view("log")
        seen.page.wait_for_selector(".log li:has-text('frozen, by anna')")
        assert seen.complaints == []


def test_a_position_whose_stop_the_venue_refused_is_shown_until_one_stands(
    tmp_path: Path, browser: "Browser"
) -> None:
    with desk(tmp_path) as found:
        kernel = found.host.kernel(None)
        trade = {"trade_id": "t1", "slot_id": 0, "asset": SYMBOL, "side": "LONG"}
        # The market is under the stop's trigger already: the venue takes the entry, and refuses the stop.
        passed = [ExitSpec("STOP", trigger_price="61000")]
        entry = {"action": "ENTER", "target_size": "0.01", "order_type": "MARKET", "exits": passed}
        kernel.process_intent(KernelIntent(kernel.now_ns, intent_id="e1", **trade, **entry))
        assert kernel.slot(0).unprotected
        seen = Seen(browser, found)
        trouble = f"main: {SYMBOL} in slot 0 has no stop that works."
        seen.page.wait_for_selector(f".verdict.act li:has-text('{trouble}')")
        assert "Act now" in seen.page.inner_text(".verdict h1")
        shoot(seen.page, "unprotected")
        stop = {
            "action": "EXIT",
            "order_type": "STOP_MARKET",
            "trigger_price": "59000",
            "target_size": "0.01",
        }
        outcome = kernel.process_intent(KernelIntent(kernel.now_ns, intent_id="s1", **trade, **stop))
        assert outcome.accepted
        seen.page.wait_for_selector(f"li:has-text('{trouble}')", state="detached")
        assert not kernel.slot(0).unprotected
        assert seen.complaints == []


def test_figures_that_are_no_result_have_no_colour(tmp_path: Path, browser: "Browser") -> None:
    with desk(tmp_path) as found, found.client("trade") as client:
        client.post("/api/order", json=MARKET_BUY)
        seen = Seen(browser, found)
        seen.view("account")
        colour = "(dd) => [dd.previousElementSibling.textContent, dd.className]"
        reported = dict(seen.page.eval_on_selector_all(".figures dd", f"(all) => all.map({colour})"))
        assert reported["Open profit"] == "down"
        assert {reported[name] for name in ("Fees paid", "Reserved", "Leverage", "Open notional")} == {""}


#: The labels of each chart's axis of amounts: how wide the widest is drawn, and how much room it has.
LABELS = """() => plots.map((plot) => {
  const [axis, pen] = [plot.axes[1], document.createElement("canvas").getContext("2d")];
  pen.font = axis.font[0];
  const drawn = Math.max(...axis._values.map((label) => pen.measureText(label).width));
  return [drawn / devicePixelRatio + axis.gap + axis.ticks.size, axis._size];
})"""


def test_no_label_of_a_chart_is_cut_off(tmp_path: Path, browser: "Browser") -> None:
    with desk(tmp_path, **{"accounts.main.simulated.balances.USDT": "99999999999.699"}) as found:
        seen = Seen(browser, found, bypass_csp=True)
        seen.view("account")
        seen.page.evaluate("""() => {
          globalThis.plots = [];
          const Plot = globalThis.uPlot;
          globalThis.uPlot = function (...given) {
            plots.push(new Plot(...given));
            return plots.at(-1);
          };
        }""")
        seen.view("equity")
        seen.page.wait_for_function("plots.length && plots.every((plot) => plot.axes[1]._values?.length)")
        for needed, room in seen.page.evaluate(LABELS):
            assert 60 < needed <= room
        assert seen.complaints == []


def test_a_loss_limit_that_is_met_is_the_verdict(tmp_path: Path, browser: "Browser") -> None:
    with desk(tmp_path) as found, found.client("trade") as client:
        found.host.control(ControlUpdate(limits={"max_daily_loss": "5"}, updated_by="anna"))
        client.post("/api/order", json=MARKET_BUY)
        found.quote("59000.0", "59000.1", 2)
        seen = Seen(browser, found)
        seen.page.wait_for_selector(
            ".verdict.act li:has-text('main: max_daily_loss 5 is met with 10.3010005')"
        )
        assert seen.complaints == []


TROUBLES: dict[str, dict[str, Any]] = {
    "slot:a:3": {"slot_id": 3, "asset": "BTCUSDT", "side": "LONG", "size": "1", "unprotected": True},
    "order:a:O1": {
        "venue_client_id": "O1",
        "venue_order_id": "",
        "asset": "BTCUSDT",
        "order_side": "BUY",
        "doubt": "SUBMIT",
        "status": "SENT",
        "intended_size": "1",
        "filled_size": "0",
        "limit_price": None,
    },
    "control:a": {"gate": "HALTED", "kill_switch": True, "frozen": False, "updated_by": "<b>eve</b>"},
    "strategy:s": {"name": "s", "account": "a", "state": "Error", "error": "boom", "stuck_s": 0},
    "health:a": {
        "now_ns": 1_700_000_000_000_000_000,
        "followers": {"journal": {"state": "DEAD", "error": "killed"}},
        "unassigned": [{"symbol": "ETHUSDT", "size": "2", "origin": "MANUAL", "position_side": "LONG"}],
        "clock": {"disconnected_since_ns": 5},
    },
}
SAID = (
    "a: BTCUSDT in slot 3 has no stop that works.",
    "a: nobody knows yet whether the order O1 of BTCUSDT was sent.",
    "a is halted by <b>eve</b>.",
    "Strategy s has failed: boom",
    "a: follower journal is DEAD. killed",
    "a: 2 ETHUSDT belongs to no slot (MANUAL).",
    "a: the venue was lost and has not been asked yet.",
)


def test_each_trouble_is_said_and_what_does_not_move_is_stuck(browser: "Browser") -> None:
    rows = {key: json.dumps(value) for key, value in TROUBLES.items()}
    rows["host"] = json.dumps({"name": "h", "boot": "b", "heartbeat": "fresh"})
    hub, access = Hub(ReadOnlySource("h", "log", lambda: rows)), Access(None)
    with served(build_app(hub, access), bound("127.0.0.1", 0)) as port:
        page = browser.new_context().new_page()
        page.goto(f"http://127.0.0.1:{port}/#token={access.grant('me', 'operate')}")
        page.wait_for_selector(".verdict.act")
        said = page.locator(".verdict li").all_inner_texts()
        assert set(said) == set(SAID)
        stuck = page.inner_text(".card:has(h2:text-is('Stuck'))")
        assert "was sent" in stuck
        assert "halted" not in stuck
        # A log is looked at: there is nothing to press.
        page.wait_for_selector("text=This is looked at only (log)")
        assert page.locator("button.halt").count() == 0


def test_a_crisis_is_said_and_who_lets_longs_through_until_when(browser: "Browser") -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    end_s, end = int(until.timestamp()), f"{until:%Y-%m-%d %H:%M:%S} UTC"
    plain = {"gate": "NORMAL", "kill_switch": False, "frozen": False, "updated_by": "ops", "regime": "CRISIS"}
    rows = {
        "host": {"name": "h", "boot": "b", "heartbeat": "fresh"},
        "control:a": {**plain, "audited": ["run-7", f"alice-b-1@{end_s}", "carol-2@1700000000"]},
        "control:b": {**plain, "audited": ["run-7", "carol-2@1700000000"]},
        "control:c": {**plain, "regime": "NORMAL", "audited": ["run-7"]},
    }
    reported = {key: json.dumps(value) for key, value in rows.items()}
    hub, access = Hub(ReadOnlySource("h", "log", lambda: reported)), Access(None)
    with served(build_app(hub, access), bound("127.0.0.1", 0)) as port:
        page = browser.new_context().new_page()
        page.goto(f"http://127.0.0.1:{port}/#token={access.grant('me', 'operate')}")
        page.wait_for_selector(".verdict.look li")
        assert set(page.locator(".verdict li").all_inner_texts()) == {
            f"a: alice-b lets longs through in a CRISIS until {end} (alice-b-1@{end_s}).",
            "b: CRISIS. Buying aggressively is refused (REGIME_BLOCKED).",
        }


def test_of_a_thousand_slots_only_those_in_sight_are_in_the_document(
    tmp_path: Path, browser: "Browser"
) -> None:
    with desk(tmp_path, **{"accounts.main.max_slots": "1000"}) as found:
        fill_slots(found.host.kernel(None), 1000)
        seen = Seen(browser, found)
        seen.view("slots")
        seen.page.wait_for_selector("h2:has-text('Slots that carry a trade: 1000')")
        assert seen.page.locator("tbody tr:not(.gap)").count() < 100
        assert seen.page.get_attribute("table", "aria-rowcount") == "1001"
        seen.page.evaluate("document.querySelector('.scroll').scrollTop = 1e9")
        seen.page.wait_for_selector("tbody tr[aria-rowindex='1001'] td:text-is('999')")
        assert seen.page.locator("tbody tr:not(.gap)").count() < 100
        assert seen.complaints == []


def test_a_backtests_report_opens_in_a_room_of_its_own(tmp_path: Path, browser: "Browser") -> None:
    file = tmp_path / "report.html"
    row = {"name": "b", "boot": "b", "heartbeat": "fresh", "kind": "backtest", "played": 1, "trades": 3}
    rows = {"host": json.dumps({**row, "report": True})}
    hub = Hub(ReadOnlySource("b", "backtest", lambda: rows))
    file.write_text(
        "<!doctype html><title>Report</title><p id=p>no</p><script>p.textContent='drawn'</script>"
    )
    access = Access(None)
    app = build_app(hub, access, report=lambda: file)
    with served(app, bound("127.0.0.1", 0)) as port:
        page = browser.new_context().new_page()
        page.goto(f"http://127.0.0.1:{port}/#token={access.grant('me', 'read')}")
        page.wait_for_url("**/report")
        page.wait_for_selector("#p:has-text('drawn')")
        # It has an origin of its own: it sees no cookie, and nothing of the gateway.
        assert page.evaluate("origin") == "null"
        other = browser.new_context().new_page()
        answer = other.goto(f"http://127.0.0.1:{port}/report")
        assert answer is not None
        assert answer.status == 401


def test_an_old_page_is_loaded_anew_after_an_upgrade(
    tmp_path: Path, browser: "Browser", monkeypatch: pytest.MonkeyPatch
) -> None:
    with host_in(tmp_path / "host") as host, ExitStack() as second:
        host.serve()
        with gateway(host, tmp_path) as found:
            port = int(found.url.rpartition(":")[2])
            seen = Seen(browser, found)
            token = found.token("operate")
        monkeypatch.setattr("dita.gateway.acts.__version__", "99.0.0")
        second.enter_context(gateway(host, tmp_path, port=port))
        seen.page.evaluate("window.old = true")
        seen.page.fill("#token", token)
        with seen.page.expect_navigation():
            seen.page.click("button:has-text('Log in')")
        seen.page.wait_for_selector(".standing.live")
        assert seen.page.evaluate("window.old === undefined")


def test_the_page_is_small_and_asks_nobody_else(tmp_path: Path, browser: "Browser") -> None:
    import gzip  # noqa: PLC0415 - here alone

    with desk(tmp_path) as found:
        asked: dict[str, bytes] = {}
        context = browser.new_context()
        page = context.new_page()
        page.on("request", lambda request: asked.setdefault(request.url, b""))
        page.goto(f"{found.url}/#token={found.token('read')}")
        page.wait_for_selector(".verdict h1")
        assert all(url.startswith(found.url) for url in asked), json.dumps(list(asked))
        files = [url for url in asked if "/page/" in url]
        sizes = {url: len(gzip.compress(page.request.get(url).body())) for url in files}
        assert len(files) >= 8
        assert sum(sizes.values()) <= BYTES_GZIPPED_MAX, sizes
