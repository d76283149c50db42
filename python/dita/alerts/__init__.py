"""Alerts: one JSON POST to each webhook where somebody has to know. It knows no venue and no kernel.

`alert` is what is told, `webhook` tells it to one address and never holds anybody up, `telling` tells each
cause once in five minutes, `watching` sees from a host's state what is to be told.
"""

from dita.alerts.alert import SEVERITIES, Alert, Cause, taken_over
from dita.alerts.telling import Alerts
from dita.alerts.watching import Standing, Watch
from dita.alerts.webhook import TRIES, Webhook

__all__ = ["SEVERITIES", "TRIES", "Alert", "Alerts", "Cause", "Standing", "Watch", "Webhook", "taken_over"]
