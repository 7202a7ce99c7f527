"""Studies: experiments of the literature as many small trainings (contract: base.py)."""

STUDIES = {
    "ablation": "forecast.studies.ablation:Ablation",
    "embedded-reber": "forecast.studies.embedded_reber:EmbeddedReber",
    "generator": "forecast.studies.generator:Generator",
    "gradients": "forecast.studies.gradients:Gradients",
    "moving-digits": "forecast.studies.moving_digits:MovingDigits",
    "nearest": "forecast.studies.nearest:Nearest",
    "reber": "forecast.studies.reber:Reber",
    "sine": "forecast.studies.sine:Sine",
}
