"""Alerts: one JSON POST to each webhook where somebody has to know. It knows no venue and no kernel.

`alert` is one alert, `webhook` posts it to one address without ever blocking the caller, `sending` sends each
cause once in five minutes, `watching` derives alerts from a host's state.
"""

from dita.alerts.alert import SEVERITIES, Alert, Cause, taken_over
from dita.alerts.sending import Alerts
from dita.alerts.watching import Standing, Watch
from dita.alerts.webhook import TRIES, Webhook

__all__ = ["SEVERITIES", "TRIES", "Alert", "Alerts", "Cause", "Standing", "Watch", "Webhook", "taken_over"]
