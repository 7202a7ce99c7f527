"""Prefect flows: when, and retried how. A task's body calls one stage; the science is in ``forecast``."""

from forecast.process import settle

settle()  # before torch and Prefect are loaded, also in the processes that a schedule starts
