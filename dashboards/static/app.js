// The page: what is shown (pipeline, issue, variable, lead, place), kept in the address so that a view can be sent on.

import { ask, view } from "./api.js";
import { SeriesList } from "./list.js";
import { FieldMap } from "./map.js";
import { PlacePanel } from "./place.js";
import { levels } from "./scale.js";
import { ahead, measure, position, when } from "./words.js";

const $ = (id) => document.getElementById(id);
const REFRESH = 60_000;
const FRAME = 900; // milliseconds a lead is shown while playing

const state = { pipeline: null, issue: "", variable: "", lead: 1, place: null };
let summary, variable, pipelines, land, timer;
let fields = new Map();
let asked = 0; // places asked for: an answer that comes after a later question is dropped

const map = new FieldMap($("field"), { hover: readout, pick: (cell) => choosePlace({ lat: cell.lat, lon: cell.lon }) });
const list = new SeriesList({ rows: $("rows"), filter: $("filter"), choice: $("filter-choice") }, { pick: (series) => choosePlace({ series }) });
const panel = new PlacePanel({ chooseLead: setLead });
Object.assign(globalThis, { fieldMap: map, placePanel: panel, choosePlace }); // for the console and the tests

function remember() {
  const { pipeline, issue, variable: name, lead, place } = state;
  const told = { pipeline, issue, variable: name, lead: String(lead) };
  if (place) Object.assign(told, place.series === undefined ? { lat: place.lat, lon: place.lon } : { series: place.series });
  history.replaceState(null, "", `#${new URLSearchParams(Object.entries(told).filter(([, value]) => value !== "" && value !== null))}`);
}

function recall() {
  const told = new URLSearchParams(location.hash.slice(1));
  state.pipeline = told.get("pipeline");
  state.issue = told.get("issue") ?? "";
  state.variable = told.get("variable") ?? "";
  state.lead = Number(told.get("lead")) || 1;
  if (told.has("series")) state.place = { series: told.get("series") };
  else if (told.has("lat") && told.has("lon")) state.place = { lat: Number(told.get("lat")), lon: Number(told.get("lon")) };
}

// Run a question; a refusal becomes a banner with its three parts and a way to try again.
async function attempt(question) {
  try {
    await question();
    $("banners").querySelector(".is-error")?.remove();
    if (document.body.dataset.state === "failed") document.body.dataset.state = "ready";
  } catch (error) {
    stop();
    document.body.dataset.state = summary ? "failed" : "error";
    failed(error, () => attempt(question));
    if (!error.expected) throw error;
  }
}

function banner(kind, title, lines = []) {
  const box = Object.assign(document.createElement("div"), { className: `banner ${kind}` });
  box.append(Object.assign(document.createElement("strong"), { textContent: title }));
  for (const line of lines) box.append(Object.assign(document.createElement("p"), { textContent: line }));
  $("banners").append(box);
  return box;
}

function failed(error, again) {
  $("banners").querySelector(".is-error")?.remove();
  const lines = error.expected ? [`Expected ${error.expected}.`, `Got ${error.got}.`, `${error.remedy[0].toUpperCase()}${error.remedy.slice(1)}.`] : [String(error)];
  const box = banner("bad is-error", "The forecast could not be read", lines);
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Try again" });
  button.addEventListener("click", again);
  box.append(button);
}

async function boot() {
  recall();
  ({ pipelines } = await ask("view"));
  if (state.pipeline && !pipelines.some(({ name }) => name === state.pipeline)) Object.assign(state, { pipeline: null, issue: "", place: null });
  state.pipeline ??= (pipelines.find(({ issues }) => issues) ?? pipelines[0])?.name ?? null;
  $("pipeline-choice").hidden = pipelines.length < 2;
  $("pipeline").replaceChildren(...pipelines.map(({ name }) => new Option(name, name)));
  $("pipeline").value = state.pipeline;
  const chosen = pipelines.find(({ name }) => name === state.pipeline);
  if (!chosen || !chosen.issues) return void empty(chosen);
  await read();
}

function empty(chosen) {
  document.body.dataset.state = "empty";
  busy(false);
  $("empty").hidden = false;
  $("title").textContent = chosen?.name ?? "Forecast";
  $("byline").textContent = "";
  $("empty-text").textContent = chosen ? `The pipeline ${chosen.name} is set up. Issue its first forecast, and this page will show it.` : "This server has no pipeline. Set one up, then issue its first forecast.";
}

async function read() {
  busy(true);
  summary = await view(state.pipeline, "", { instance: state.issue });
  document.body.dataset.state = "ready";
  $("empty").hidden = true;
  variable = summary.variables.find(({ name }) => name === state.variable) ?? summary.variables[0];
  state.lead = Math.min(Math.max(1, Math.round(state.lead)), summary.leads.length);
  fields = new Map();
  describe();
  const isMap = summary.kind === "map";
  $("map").hidden = $("legend").hidden = $("go").hidden = !isMap;
  $("list").hidden = isMap;
  if (isMap) await setLead(state.lead);
  else {
    list.show(await view(state.pipeline, "series", { instance: summary.forecast_id, parameter: variable.name }), variable);
    await setLead(state.lead);
  }
  await choosePlace(state.place ?? (isMap ? middle() : { series: list.answer.series[0].name }));
  busy(false);
}

const busy = (is) => document.querySelector("main").setAttribute("aria-busy", String(is));

function describe() {
  document.title = `${summary.title} · forecast`;
  $("title").textContent = summary.title;
  const byline = [`Issued ${when(summary.issue_time)} by ${summary.model} ${summary.model_version}`, `data to ${when(summary.reference_time, { time: summary.step_hours < 24 })}`];
  $("byline").replaceChildren(byline.join(" · "));
  if (summary.simulated) $("byline").append(Object.assign(document.createElement("span"), { className: "badge", textContent: "simulated" }));
  $("banners").replaceChildren();
  if (summary.stale) banner("bad is-stale", "This forecast is old", [`${summary.freshness}.`]);
  if (summary.degraded.length) banner("warn", "Made from incomplete inputs", summary.degraded);
  $("issue").replaceChildren(...summary.issues.map((one, index) => new Option(`${when(one.issue_time, { year: true })}${index ? "" : " (newest)"}`, one.forecast_id)));
  $("issue").value = summary.forecast_id;
  $("issue-choice").hidden = summary.issues.length < 2;
  $("variable").replaceChildren(...summary.variables.map((one) => new Option(one.long_name, one.name)));
  $("variable").value = variable.name;
  $("variable-choice").hidden = summary.variables.length < 2;
  $("quantity").textContent = variable.long_name;
  $("lead").max = summary.leads.length;
  const ends = [summary.leads[0], summary.leads[summary.leads.length - 1]];
  $("ticks").replaceChildren(...ends.map(({ valid_time }) => Object.assign(document.createElement("span"), { textContent: when(valid_time, { year: false, time: summary.step_hours < 24 }) })));
  $("player").hidden = summary.leads.length < 2;
  $("freshness").textContent = `${summary.freshness}.`;
  $("versions").textContent = `${summary.forecast_id} · data version ${summary.data_version.slice(0, 12)}`;
  const unit = measure(variable.units);
  $("units-note").textContent = unit.converted ? `Shown in ${unit.unit}; the API answers in ${variable.units}.` : "";
  if (summary.kind === "series") $("map-note").textContent = "";
}

function explain(projected) {
  const world = summary.simulated ? "Simulated world: our coastline would mean nothing here, so none is drawn." : "Coastline: Natural Earth 1:110m.";
  const drawn = projected ? "Each cell of the projected grid is drawn in its own outline; the readout is its value." : "Shading is interpolated between cell centres; the readout is the cell’s own value.";
  $("map-note").textContent = summary.simulated ? `${world} ${drawn}` : `${drawn} ${world}`;
}

const field = (lead) => {
  if (!fields.has(lead)) fields.set(lead, view(state.pipeline, "map", { instance: summary.forecast_id, parameter: variable.name, lead }));
  fields.get(lead).catch(() => fields.delete(lead));
  return fields.get(lead);
};

async function coast() {
  if (summary.simulated) return null;
  land ??= ask("vendor/land-110m.json").then((topology) => topojson.mesh(topology, topology.objects.land));
  return land;
}

async function setLead(lead) {
  state.lead = lead;
  const at = summary.leads[lead - 1];
  $("lead").value = lead;
  $("lead").setAttribute("aria-valuetext", `${when(at.valid_time)}, ${ahead(at.lead_hours)}`);
  if (summary.kind === "map") {
    const shown = summary;
    const [now, lines] = await Promise.all([field(lead), coast()]);
    if (state.lead !== lead || summary !== shown) return;
    const unit = measure(variable.units, now.range[1] - now.range[0]);
    const scale = levels(variable, now.range[0] === null ? [0, 1] : now.range, unit);
    map.show(now, scale, lines);
    performance.mark("first map");
    legend(scale, unit.unit);
    explain(Boolean(now.corners));
  } else list.mark(lead);
  $("valid").textContent = when(at.valid_time, { time: summary.step_hours < 24 });
  $("lead-text").textContent = ahead(at.lead_hours);
  panel.mark(lead);
  remember();
}

function legend({ colours, labels }, unit) {
  const bar = Object.assign(document.createElement("div"), { className: "bar" });
  colours.forEach(([r, g, b], index) => {
    const block = document.createElement("span");
    block.style.background = `rgb(${r}, ${g}, ${b})`;
    if (index < labels.length) block.dataset.label = labels[index];
    bar.append(block);
  });
  $("legend").replaceChildren(bar, Object.assign(document.createElement("span"), { className: "unit", textContent: unit }));
}

// The cell with a value that lies nearest to the middle of the grid.
function middle() {
  const [row, column] = map.grid.shape.map((size) => (size - 1) / 2);
  const cells = d3.range(map.field.values.length).filter((index) => map.field.values[index] !== null).map((index) => map.cell(index));
  const best = cells.length ? cells[d3.minIndex(cells, (cell) => Math.hypot(cell.row - row, cell.column - column))] : map.cell(0);
  return { lat: best.lat, lon: best.lon };
}

async function choosePlace(place) {
  await attempt(async () => {
    const [shown, turn] = [summary, ++asked];
    try {
      const answer = await view(state.pipeline, "place", { instance: summary.forecast_id, ...place });
      if (summary !== shown || turn !== asked) return;
      state.place = place;
      panel.show(answer, place, summary, variable);
      panel.mark(state.lead);
      if (place.series === undefined) {
        map.choose(map.nearest(answer.place.lat, answer.place.lon));
        Object.assign($("lat"), { value: String(Number(place.lat.toFixed(4))) });
        Object.assign($("lon"), { value: String(Number(place.lon.toFixed(4))) });
      } else list.choose(place.series);
      remember();
    } catch (error) {
      if (!error.status) throw error;
      panel.refuse(error);
    }
  });
}

function readout(cell, at) {
  $("readout").hidden = !cell;
  if (!cell) return;
  const unit = measure(variable.units, map.field.range[1] - map.field.range[0]);
  $("readout").replaceChildren(
    Object.assign(document.createElement("strong"), { textContent: cell.value === null ? "no value" : unit.withUnit(cell.value) }),
    ` ${position(cell.lat, cell.lon)}`,
  );
  const box = $("readout").getBoundingClientRect();
  const left = Math.min(Math.max(at[0] - box.width / 2, 4), map.width - box.width - 4);
  $("readout").style.transform = `translate(${left}px, ${at[1] > box.height + 20 ? at[1] - box.height - 14 : at[1] + 16}px)`;
}

function stop() {
  clearTimeout(timer);
  timer = undefined;
  $("play").setAttribute("aria-pressed", "false");
}

async function step() {
  await attempt(() => setLead((state.lead % summary.leads.length) + 1));
  if (timer !== undefined) timer = setTimeout(step, FRAME);
}

$("play").addEventListener("click", () => {
  if (timer !== undefined) return stop();
  $("play").setAttribute("aria-pressed", "true");
  timer = setTimeout(step, 0);
});
$("lead").addEventListener("input", () => (stop(), attempt(() => setLead(Number($("lead").value)))));
$("pipeline").addEventListener("change", () => (stop(), Object.assign(state, { pipeline: $("pipeline").value, issue: "", variable: "", lead: 1, place: null }), remember(), attempt(boot)));
$("issue").addEventListener("change", () => (stop(), (state.issue = $("issue").value === summary.issues[0].forecast_id ? "" : $("issue").value), attempt(read)));
$("variable").addEventListener("change", () => (stop(), (state.variable = $("variable").value), attempt(read)));
$("go").addEventListener("submit", (event) => {
  event.preventDefault();
  const [lat, lon] = [$("lat").value, $("lon").value].map((text) => Number(text.replace(",", ".").replace("\u2212", "-").trim() || NaN));
  if (Number.isFinite(lat) && Number.isFinite(lon)) choosePlace({ lat, lon });
  else panel.refuse({ expected: "two numbers, degrees north and east", got: `${$("lat").value}, ${$("lon").value}`, remedy: "Write 60.4 and 5.3, say." });
});

// Left open, the page follows: a newer issue replaces the newest one shown, never one that was chosen.
setInterval(async () => {
  if (document.hidden || !state.pipeline) return;
  const newest = await view(state.pipeline).catch(() => null);
  if (!newest || state.issue) return;
  if (!summary || newest.forecast_id !== summary.forecast_id) await attempt(read);
  else if (newest.freshness !== summary.freshness) {
    Object.assign(summary, { freshness: newest.freshness, stale: newest.stale });
    describe();
  }
}, REFRESH);

attempt(boot);
