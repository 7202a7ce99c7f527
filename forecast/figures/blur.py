"""Blur: a forecast's power by wavelength beside the truth's, and how much of it is left, by lead."""

from __future__ import annotations

import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from forecast.figures.style import INK, QUIET, SMALL, label_ends, lead_names, lines, named, sheet, some
from forecast.schema import LEAD

LEADS = 3


def spectrum(spectra: xr.Dataset, *, title: str = "Power by wavelength") -> Figure:
    """Draw power by wavelength, forecasters beside the truth (black), and below their ratio: under 1 is blurred.

    Args:
        spectra: ``verification.spectra``: power (forecaster, lead, wavelength), observed (lead, wavelength), ratio;
            drawn down to the shortest wave that the grid holds in each direction.
        title: of the figure.
    """
    leads = some(spectra.sizes[LEAD], LEADS)
    held = spectra["wavelength"] >= spectra["wavelength"].attrs["shortest"]
    part = spectra.isel({LEAD: leads, "wavelength": held if held.sum() > 2 else slice(None)})
    names = [str(name) for name in spectra["forecaster"].values]
    drawn, length = lines(names), part["wavelength"].values
    note = "the left is the largest scale; ratio: power of the forecast over that of the truth, below 1 it is blurred"
    figure, axes = sheet(2, len(leads), (3.6 * len(leads) + 1.2, 5.6), title, note, sharex=True, sharey="row")
    for column, name in enumerate(lead_names(part[LEAD])):
        one = part.isel({LEAD: column})
        above, below = axes[:, column]
        above.plot(length, one["observed"], color=INK, lw=1.2, label="observed")
        for who in names:
            above.plot(length, one["power"].sel(forecaster=who), label=who, **drawn[who])
            below.plot(length, one["ratio"].sel(forecaster=who), **drawn[who])
        below.axhline(1, color=INK, lw=0.9, zorder=1)
        above.set(xscale="log", yscale="log")
        below.set_ylim(0, max(1.25, 1.05 * float(part["ratio"].max())))
        below.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        below.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        below.xaxis.set_minor_formatter(NullFormatter())
        below.set_xlim(length[0], length[-1])
        named(above, name)
        named(below, x="wavelength, km")
    named(axes[0, 0], y=f"power, {spectra['power'].attrs['units'].strip('(2').replace(')', '²')}")
    named(axes[1, 0], y="ratio to the truth")
    axes[0, 0].legend(loc="lower left", frameon=False, fontsize=SMALL, labelcolor="linecolor")
    last = part["ratio"].isel({LEAD: -1, "wavelength": -1})
    label_ends(axes[1, -1], {who: (float(last.sel(forecaster=who)), drawn[who]["color"]) for who in names})
    axes[0, 0].yaxis.label.set_color(QUIET)
    return figure
