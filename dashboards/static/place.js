// The panel of one place: a sentence, the fan chart, its key, the table of values and skill, files to take away.

import { download } from "./api.js";
import { FanChart, baselineColour } from "./chart.js";
import { measure, percent, plain, when } from "./words.js";

const $ = (id) => document.getElementById(id);

function element(tag, text, attributes = {}) {
  const made = Object.assign(document.createElement(tag), attributes);
  if (text !== undefined) made.textContent = text;
  return made;
}

export class PlacePanel {
  constructor({ chooseLead }) {
    this.chart = new FanChart($("chart"));
    this.chooseLead = chooseLead;
  }

  // answer: from /place; place: {lat, lon} or {series}.
  show(answer, place, summary, variable) {
    Object.assign(this, { answer, place, summary, variable });
    $("place-name").textContent = answer.attributes.place;
    $("place-kind").textContent = place.series === undefined ? "Grid cell" : "Series";
    $("place-refused").hidden = true;
    const note = answer.attributes.note;
    $("place-note").hidden = !note;
    $("place-note").textContent = note ?? "";
    $("place-body").hidden = Boolean(note);
    if (note) return;
    this.rows = this.#rows();
    this.measure = measure(variable.units, spread(this.rows));
    this.#chart();
    this.#key();
    this.#table();
    this.#files();
    this.mark(this.lead ?? 1);
  }

  refuse(error) {
    $("place-refused").hidden = false;
    $("place-refused").textContent = `Expected ${error.expected}; got ${error.got}. ${error.remedy ?? ""}`;
  }

  mark(lead) {
    this.lead = lead;
    const row = this.rows?.[lead - 1];
    if (!row) return;
    this.chart.mark(row.hours);
    this.#sentence(row);
    [...$("table").tBodies[0].rows].forEach((line, index) => line.setAttribute("aria-current", String(index === lead - 1)));
  }

  #rows() {
    const { name } = this.variable;
    const { quantiles, baselines } = this.summary;
    const [low, high] = [quantiles[0], quantiles[quantiles.length - 1]].map((level) => `${name}_quantile_${level}`);
    const pairs = (row, kind) => Object.fromEntries(baselines.map((one) => [one, row[`${name}_${kind}_${one}`] ?? null]));
    return this.answer.rows.map((row) => ({
      hours: row.lead_hours,
      valid_time: row.valid_time,
      value: row[name],
      low: quantiles.length > 1 ? row[low] ?? null : null,
      high: quantiles.length > 1 ? row[high] ?? null : null,
      observed: row[`${name}_observed`] ?? null,
      rmse: row[`${name}_rmse`] ?? null,
      baselines: pairs(row, "baseline"),
      skill: pairs(row, "skill"),
    }));
  }

  get #coverage() {
    const { quantiles } = this.summary;
    return Math.round((quantiles[quantiles.length - 1] - quantiles[0]) * 100);
  }

  get #daily() {
    return this.summary.step_hours >= 24;
  }

  #chart() {
    const shown = (value) => this.measure.shown(value);
    const rows = this.rows.map((row) => ({
      ...row,
      ...Object.fromEntries(["value", "low", "high"].map((key) => [key, shown(row[key])])),
      baselines: Object.fromEntries(Object.entries(row.baselines).map(([name, value]) => [name, shown(value)])),
    }));
    const past = (this.answer.past[this.variable.name] ?? []).map((one) => ({ hours: one.lead_hours, valid_time: one.valid_time, value: shown(one.value) }));
    this.chart.show({ rows, past, names: this.summary.baselines, step: this.summary.step_hours, unit: this.measure.unit });
  }

  #sentence(row) {
    const { measure: unit } = this;
    const parts = [element("strong", unit.withUnit(row.value))];
    if (row.low !== null) parts.push(`, ${this.#coverage} % between ${unit.value(row.low)} and ${unit.value(row.high)}`);
    if (row.observed !== null) parts.push(`; observed ${unit.withUnit(row.observed)}`);
    parts.push(`. `);
    if (row.rmse !== null) parts.push(`Usual error here ${unit.difference(row.rmse)} ${unit.unit} (RMSE).`);
    $("sentence").replaceChildren(element("span", `${when(row.valid_time, { time: !this.#daily })}: `), ...parts);
  }

  #key() {
    const entry = (kind, text) => {
      const made = element("span", undefined, { className: `entry ${kind}` });
      made.append(element("i"), text);
      return made;
    };
    const fixed = [entry("is-forecast", this.summary.model)];
    if (this.summary.quantiles.length > 1) fixed.push(entry("is-band", `${this.#coverage} % interval`));
    if ((this.answer.past[this.variable.name] ?? []).length) fixed.push(entry("is-observed", "observed"));
    const toggles = this.summary.baselines.map((name, index) => {
      const button = element("button", undefined, { type: "button", className: "entry is-baseline" });
      button.setAttribute("aria-pressed", String(!this.chart.hidden.has(name)));
      const line = element("i");
      line.style.borderTopColor = baselineColour(index);
      button.append(line, plain(name));
      button.addEventListener("click", () => {
        this.chart.toggle(name);
        this.chart.mark(this.rows[this.lead - 1].hours);
        button.setAttribute("aria-pressed", String(!this.chart.hidden.has(name)));
      });
      return button;
    });
    $("key").replaceChildren(...fixed, ...toggles);
  }

  #table() {
    const { baselines } = this.summary;
    const { unit } = this.measure;
    const band = this.summary.quantiles.length > 1;
    const observed = this.rows.some((row) => row.observed !== null);
    const scored = this.rows.some((row) => Object.values(row.skill).some((value) => value !== null));
    const heads = ["Valid", this.summary.model, ...(observed ? ["Observed"] : []), ...baselines.map(plain)];
    const head = element("tr");
    head.append(...heads.map((text) => element("th", text, { scope: "col" })));
    $("table").tHead.replaceChildren(head);
    const beneath = [band ? `the ${this.#coverage} % interval` : "", scored ? "the forecast’s skill against each baseline" : ""].filter(Boolean);
    $("table-caption").textContent = `Values in ${unit || "1"}${beneath.length ? `; beneath, ${beneath.join(" and ")}` : ""}`;
    $("table").tBodies[0].replaceChildren(...this.rows.map((row, index) => this.#line(row, index, band, observed)));
    $("skill-note").textContent = scored ? "Skill = 1 − MSE / MSE of the baseline, at this place and lead." : "No scores yet: compare to see the skill here.";
  }

  #line(row, index, band, observed) {
    const { value } = this.measure;
    const line = element("tr");
    const head = element("th", undefined, { scope: "row" });
    const button = element("button", when(row.valid_time, { year: false, time: !this.#daily }).replace(" UTC", ""), { type: "button", className: "lead" });
    button.addEventListener("click", () => this.chooseLead(index + 1));
    head.append(button);
    const own = element("td", value(row.value), { className: "own" });
    if (band) own.append(element("small", `${value(row.low)}…${value(row.high)}`, { title: `${this.#coverage} % interval` }));
    line.append(head, own);
    if (observed) line.append(element("td", value(row.observed)));
    for (const name of this.summary.baselines) {
      const cell = element("td", value(row.baselines[name]));
      const skill = row.skill[name];
      if (skill !== null) cell.append(element("small", percent(skill), { className: skill > 0 ? "gain" : "loss", title: "skill against this baseline" }));
      line.append(cell);
    }
    return line;
  }

  #files() {
    const link = (form) => element("a", form, { href: download(this.summary, this.place, form), download: `${this.summary.forecast_id}.${form === "NetCDF" ? "nc" : form === "CSV" ? "csv" : "covjson"}` });
    $("downloads").replaceChildren("Take it along: ", link("CSV"), " · ", link("NetCDF"), " · ", link("CoverageJSON"));
  }
}

function spread(rows) {
  const values = rows.flatMap((row) => [row.value, row.low, row.high]).filter((value) => value !== null);
  return values.length ? d3.max(values) - d3.min(values) : 1;
}
