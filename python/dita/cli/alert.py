"""`dita alert`: whether alerts arrive."""

import argparse
import sys
from pathlib import Path
from typing import Final

from dita.alerts import Alert, Alerts, Cause, Webhook
from dita.cli.failure import CommandFailure
from dita.config import load, standing_file

_WAIT_S: Final = 120.0

DESCRIPTION: Final = """\
Post one alert to every webhook of [alerts] in dita.toml, and say of each whether it was taken. Each is tried
five times, with growing pauses."""

EPILOG: Final = """\
examples:
  dita alert test
  dita alert test --config desk.toml
  dita alert test --url http://127.0.0.1:9000/hook"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("action", choices=("test",), help="what to do")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration (dita.toml)")
    parser.add_argument(
        "--url", action="append", default=[], metavar="URL", help="this webhook instead; again for more"
    )


def run(options: argparse.Namespace) -> int:
    """Post, and wait for the answers.

    Args:
        options: The parsed command line.

    Returns:
        0: every webhook took it.

    Raises:
        CommandFailure: There is none, or one did not take it.
    """
    config = load(options.config or standing_file()).config
    urls = options.url or [place.resolve() for place in config.alerts.webhooks]
    webhooks = [Webhook(url) for url in urls]
    if not webhooks:
        raise CommandFailure("alerts.webhooks: there is none; name one in dita.toml, or give --url URL")
    alerts = Alerts(config.host.name, webhooks)
    alerts.tell(Alert(Cause.TEST, "this is a test: alerts arrive", "INFO"))
    alerts.close(_WAIT_S)
    for webhook in webhooks:
        sys.stdout.write(f"{webhook.place}: {'taken' if webhook.sent else 'not taken'}\n")
    if not all(webhook.sent for webhook in webhooks):
        raise CommandFailure("a webhook did not take it; the lines above say why")
    return 0
