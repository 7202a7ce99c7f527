// Numbers, units, times and places as a person reads them. Values are converted for display only: the API keeps its units.

const DISPLAY = {
  Pa: { unit: "hPa", factor: 0.01, offset: 0, digits: 1 },
  hPa: { unit: "hPa", factor: 1, offset: 0, digits: 1 },
  K: { unit: "°C", factor: 1, offset: -273.15, digits: 1 },
  degC: { unit: "°C", factor: 1, offset: 0, digits: 1 },
  degF: { unit: "°F", factor: 1, offset: 0, digits: 1 },
  "mile hour-1": { unit: "mph", factor: 1, offset: 0, digits: 1 },
  "m s-1": { unit: "m/s", factor: 1, offset: 0, digits: 1 },
  "kg m-2 s-1": { unit: "mm/day", factor: 86400, offset: 0, digits: 1 },
};
const MINUS = "\u2212";
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const DAYS = "Sun Mon Tue Wed Thu Fri Sat".split(" ");

export function measure(units, spread = 10) {
  const digits = Math.min(6, Math.max(0, Math.ceil(2 - Math.log10(spread || 1))));
  const known = DISPLAY[units] ?? { unit: units === "1" ? "" : units, factor: 1, offset: 0, digits };
  const shown = (value) => (value === null || value === undefined ? null : value * known.factor + known.offset);
  const text = (value) => (value === null || value === undefined || !Number.isFinite(value) ? "–" : number(value, known.digits));
  return {
    unit: known.unit,
    converted: known.unit !== units && (known.factor !== 1 || known.offset !== 0),
    shown,
    value: (value) => text(shown(value)),
    difference: (value) => text(value === null ? null : value * known.factor),
    withUnit: (value) => `${text(shown(value))}${value === null ? "" : ` ${known.unit}`}`.trim(),
  };
}

export const number = (value, digits) => value.toFixed(digits).replace(/^-(?=0(\.0*)?$)/, "").replace("-", MINUS);

export function percent(part) {
  if (part === null || part === undefined || !Number.isFinite(part)) return "";
  const whole = Math.round(part * 100);
  return `${whole > 0 ? "+" : whole < 0 ? MINUS : "±"}${Math.abs(whole)} %`;
}

// Any calendar: the fields are read from the text; a weekday is told only where our calendar has the day.
export function fields(iso) {
  const [year, month, day, hour, minute] = iso.match(/\d+/g).map(Number);
  const date = new Date(Date.UTC(year, month - 1, day));
  const known = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return { year, month, day, hour, minute, weekday: known ? DAYS[date.getUTCDay()] : "" };
}

export const clock = ({ hour, minute }) => `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;

export function when(iso, { year = true, time = true } = {}) {
  const at = fields(iso);
  const day = `${at.weekday} ${at.day} ${MONTHS[at.month - 1]}${year ? ` ${at.year}` : ""}`.trim();
  return time ? `${day}, ${clock(at)} UTC` : day;
}

export function shortDay(iso) {
  const at = fields(iso);
  return `${at.day} ${MONTHS[at.month - 1]}`;
}

export function ahead(hours) {
  const days = hours / 24;
  if (Number.isInteger(days)) return `${days} day${days === 1 ? "" : "s"} ahead`;
  return `${hours} hour${hours === 1 ? "" : "s"} ahead`;
}

export function position(lat, lon) {
  const east = ((((lon + 180) % 360) + 360) % 360) - 180;
  return `${Math.abs(lat).toFixed(2)}°${lat >= 0 ? "N" : "S"} ${Math.abs(east).toFixed(2)}°${east >= 0 ? "E" : "W"}`;
}

export const plain = (name) => name.replaceAll("_", " ");
