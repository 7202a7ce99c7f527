"""Studies: experiments of the literature as many small trainings (contract: base.py)."""

STUDIES = {
    "sine": "forecast.studies.sine:Sine",
}
