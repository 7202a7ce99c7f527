// Colour: perceptual and safe for colour-blind eyes. Anchors are joined in OKLab (Ottosson 2020), where equal steps look
// equal; lightness rises along every sequential scale and peaks once in the diverging one, so that grey print reads too.

const CIVIDIS = ["#00224e", "#1a386f", "#434e6c", "#61656f", "#7d7c78", "#9b9476", "#bcae6c", "#dec958", "#fee838"];
const PLASMA = ["#0d0887", "#4c02a1", "#7e03a8", "#aa2395", "#cc4778", "#e66c5c", "#f89540", "#fdc527", "#f0f921"];
const VIRIDIS = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];
const BLUE_ORANGE = ["#0a2a4f", "#1d5c94", "#6fa6cf", "#c9dfec", "#f5f3ee", "#f3d3ab", "#dd9549", "#a65a17", "#5c2d08"];
// Centre of the diverging scale: the standard atmosphere at sea level (ISO 2533), Pa.
const CENTRES = { air_pressure_at_mean_sea_level: { Pa: 101325, hPa: 1013.25 } };
const SCALES = { air_temperature: PLASMA, dew_point_temperature: PLASMA, relative_humidity: VIRIDIS, wind_speed: VIRIDIS };
const LEVELS = 14;

function toLab(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function toRgb([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((c) => {
    const bounded = Math.min(1, Math.max(0, c));
    return Math.round(255 * (bounded <= 0.0031308 ? 12.92 * bounded : 1.055 * bounded ** (1 / 2.4) - 0.055));
  });
}

// Colour [r, g, b] of a part in [0, 1] of a scale given by its anchors.
export function colour(anchors, part) {
  const at = Math.min(1, Math.max(0, part)) * (anchors.length - 1);
  const index = Math.min(anchors.length - 2, Math.floor(at));
  const [from, to] = [toLab(anchors[index]), toLab(anchors[index + 1])];
  return toRgb(from.map((value, axis) => value + (at - index) * (to[axis] - value)));
}

export const lightness = (rgb) => toLab(`#${rgb.map((c) => c.toString(16).padStart(2, "0")).join("")}`)[0];

// Filled levels at round numbers of the unit shown: `edges` in the API's unit (n - 1), `colours` (n), `labels` (n - 1).
export function levels(variable, [low, high], measure) {
  const [from, to] = [measure.shown(low), measure.shown(high)];
  const spread = to > from ? to - from : 1;
  const ticks = d3.ticks(from, from + spread, LEVELS).filter((tick) => tick > from && tick < from + spread);
  const back = (tick) => low + ((tick - from) / spread) * (high > low ? high - low : 1);
  const edges = ticks.map(back);
  const bounds = [low, ...edges, high];
  const centre = (CENTRES[variable.standard_name] ?? {})[variable.units];
  const diverging = centre !== undefined && centre > low && centre < high;
  const reach = diverging ? Math.max(centre - low, high - centre) : 1;
  const anchors = diverging ? BLUE_ORANGE : SCALES[variable.standard_name] ?? CIVIDIS;
  const colours = bounds.slice(1).map((upper, index) => {
    const middle = (bounds[index] + upper) / 2;
    return colour(anchors, diverging ? 0.5 + (middle - centre) / (2 * reach) : (index + 0.5) / (bounds.length - 1));
  });
  const digits = ticks.length > 1 ? Math.max(0, -Math.floor(Math.log10(ticks[1] - ticks[0]) + 1e-9)) : 1;
  return { edges, colours, labels: ticks.map((tick) => tick.toFixed(digits).replace("-", "\u2212")) };
}
