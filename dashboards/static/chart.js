// The fan at one place: observations lead in, the forecast goes on with its interval, baselines dashed beside it.
// The axis counts hours from the last observed step, so that every calendar works; its labels are valid times.

import { clock, fields, number, shortDay } from "./words.js";

const DASHES = [[6, 4], [2, 3], [9, 3, 2, 3], [12, 5], [1, 4]];
const HUES = 5; // --baseline-1 ... in the style sheet
const HEIGHT = 250;
const LABELS = 7;

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const baselineColour = (index) => css(`--baseline-${(index % HUES) + 1}`);
export const dash = (index) => DASHES[index % DASHES.length];

export class FanChart {
  constructor(element) {
    this.element = element;
    this.hidden = new Set();
    this.plot = null;
    new ResizeObserver(() => this.plot && this.plot.width !== element.clientWidth && this.plot.setSize({ width: element.clientWidth, height: HEIGHT })).observe(element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.answer && this.show(this.answer));
  }

  // answer: {rows: [{hours, valid_time, value, low, high, baselines: {name: value}}], past: [{hours, valid_time, value}], unit, measure, step}
  show(answer) {
    this.answer = answer;
    this.plot?.destroy();
    const { xs, times, series, data } = this.#table(answer);
    this.times = times;
    const font = "11px system-ui, sans-serif";
    const axis = { stroke: css("--muted"), font, ticks: { show: false }, grid: { stroke: css("--line"), width: 1 } };
    this.plot = new uPlot(
      {
        width: this.element.clientWidth || 320,
        height: HEIGHT,
        padding: [24, 22, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
        scales: { x: { time: false }, y: { range: (_, low, high) => uPlot.rangeNum(low, high, 0.12, false) } },
        axes: [
          { ...axis, grid: { show: false }, size: 34, splits: () => this.#splits(xs), values: (_, at) => at.map((hours) => this.#label(hours)) },
          { ...axis, size: 52, values: (_, at) => at.map((value) => number(value, at.length > 1 && Math.abs(at[1] - at[0]) < 1 ? 1 : 0)) },
        ],
        series: [{}, ...series],
        bands: answer.rows.some((row) => row.low !== null) ? [{ series: [3, 2], fill: css("--band") }] : [],
        hooks: { drawClear: [(plot) => this.#rules(plot)], draw: [(plot) => this.#unit(plot)] },
      },
      data,
      this.element,
    );
  }

  mark(hours) {
    this.marked = hours;
    this.plot?.redraw(false);
  }

  toggle(name) {
    if (!this.hidden.delete(name)) this.hidden.add(name);
    this.show(this.answer);
  }

  #table({ rows, past, names }) {
    const start = past.findLast((one) => one.hours <= 0 && one.hours > -1e-6 - this.answer.step);
    const xs = [...new Set([...past.map((one) => one.hours), ...(start ? [0] : []), ...rows.map((row) => row.hours)])].sort((a, b) => a - b);
    const times = new Map([...past, ...rows].map((one) => [one.hours, one.valid_time]));
    const line = (pairs) => {
      const found = new Map(pairs);
      return xs.map((x) => found.get(x) ?? null);
    };
    // The fan opens at the last observation.
    const from = (key) => line([...(start && rows.some((row) => row[key] !== null) ? [[0, start.value]] : []), ...rows.map((row) => [row.hours, row[key]])]);
    const fewPoints = { show: xs.length < 60, size: 4 };
    const edge = { stroke: css("--band-edge"), width: 1, points: { show: false } };
    const dashed = names.map((name, index) => ({
      label: name,
      stroke: baselineColour(index),
      width: 1.25,
      dash: dash(index),
      show: !this.hidden.has(name),
      points: { show: false },
    }));
    return {
      xs,
      times,
      series: [
        { label: "forecast", stroke: css("--accent"), width: 2.25, points: { ...fewPoints, size: 5, fill: css("--accent") } },
        { label: "low", ...edge },
        { label: "high", ...edge },
        ...dashed,
        { label: "observed", stroke: css("--ink"), width: 1.5, points: { ...fewPoints, fill: css("--ink") } },
      ],
      data: [
        xs,
        from("value"),
        from("low"),
        from("high"),
        ...names.map((name) => line(rows.map((row) => [row.hours, row.baselines[name] ?? null]))),
        line(past.map((one) => [one.hours, one.value])),
      ],
    };
  }

  // Where labels stand: days where steps are finer than a day, else every so many steps.
  #splits(xs) {
    const days = xs.filter((x) => fields(this.times.get(x) ?? "0-1-1T1:1").hour === 0);
    const some = this.answer.step < 24 && days.length > 1 ? days : xs;
    const every = Math.ceil(some.length / LABELS);
    return some.filter((_, index) => index % every === 0);
  }

  #label(hours) {
    const iso = this.times.get(hours);
    if (!iso) return "";
    const at = fields(iso);
    return this.answer.step < 24 && at.hour !== 0 ? clock(at) : shortDay(iso);
  }

  #unit({ ctx, bbox }) {
    ctx.save();
    Object.assign(ctx, { fillStyle: css("--muted"), font: `${11 * devicePixelRatio}px system-ui, sans-serif`, textAlign: "right" });
    ctx.fillText(this.answer.unit, bbox.left - 5 * devicePixelRatio, bbox.top - 13 * devicePixelRatio);
    ctx.restore();
  }

  // Two upright lines: the end of what is observed, and the lead shown on the map.
  #rules(plot) {
    const { ctx, bbox } = plot;
    const rule = (hours, colour, dashes) => {
      const x = Math.round(plot.valToPos(hours, "x", true));
      if (!(x >= bbox.left && x <= bbox.left + bbox.width)) return;
      ctx.save();
      Object.assign(ctx, { strokeStyle: colour, lineWidth: devicePixelRatio });
      ctx.setLineDash(dashes);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.restore();
    };
    rule(0, css("--line-strong"), [3, 3]);
    if (this.marked) rule(this.marked, css("--accent"), []);
  }
}
