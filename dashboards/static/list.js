// Series instead of a map: a row each, with its value at the lead shown and a sparkline over the leads.

import { measure } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [120, 26];
const MANY = 8; // rows from which a search field helps

export class SeriesList {
  constructor({ rows, filter, choice }, { pick }) {
    Object.assign(this, { rows, filter, choice, pick });
    filter.addEventListener("input", () => this.#filter());
  }

  // answer: from /series.
  show(answer, variable) {
    const all = answer.series.flatMap((one) => one.values).filter((value) => value !== null);
    this.answer = answer;
    this.measure = measure(variable.units, all.length ? d3.max(all) - d3.min(all) : 1);
    this.choice.hidden = answer.series.length < MANY;
    this.lines = answer.series.map((one) => this.#line(one));
    this.rows.replaceChildren(...this.lines.map(({ item }) => item));
    this.#filter();
  }

  mark(lead) {
    this.lead = lead;
    for (const { values, value, dot } of this.lines) {
      value.textContent = this.measure.withUnit(values[lead - 1]);
      const at = point(values, lead - 1);
      dot.setAttribute("visibility", at ? "visible" : "hidden");
      if (at) dot.setAttribute("transform", `translate(${at})`);
    }
  }

  choose(name) {
    for (const line of this.lines) line.button.setAttribute("aria-pressed", String(line.name === name));
  }

  #line({ name, values }) {
    const item = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button", className: "row" });
    const label = Object.assign(document.createElement("span"), { className: "row-name", textContent: name });
    const value = Object.assign(document.createElement("span"), { className: "row-value" });
    const spark = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "spark", "aria-hidden": "true" });
    const dot = shape("circle", { r: 3 });
    const points = values.map((_, index) => point(values, index)).filter(Boolean);
    spark.append(shape("polyline", { points: points.join(" ") }), dot);
    button.append(label, spark, value);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => this.pick(name));
    item.append(button);
    return { name, values, item, button, value, dot };
  }

  #filter() {
    const wanted = this.filter.value.trim().toLowerCase();
    for (const { name, item } of this.lines ?? []) item.hidden = !name.toLowerCase().includes(wanted);
  }
}

function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function point(values, index) {
  if (values[index] === null || values[index] === undefined) return null;
  const known = values.filter((value) => value !== null);
  const [low, high] = [d3.min(known), d3.max(known)];
  const x = 4 + (index / Math.max(1, values.length - 1)) * (WIDTH - 8);
  return `${x.toFixed(1)},${(HEIGHT - 4 - ((values[index] - low) / (high - low || 1)) * (HEIGHT - 8)).toFixed(1)}`;
}
