// The map on a canvas: of a regular grid filled levels, interpolated between cell centres, of a projected one its cells; a
// readout and a click give the cell's own value.

import { Quads, project, rim } from "./quads.js";
import { Raster } from "./raster.js";

const PAD = 26;
const MOST = 0.62; // of the window's height

export class FieldMap {
  constructor(canvas, { hover, pick }) {
    Object.assign(this, { canvas, hover, pick, grid: null, cursor: null, chosen: null, land: null });
    this.context = canvas.getContext("2d");
    this.layer = document.createElement("canvas");
    canvas.addEventListener("pointermove", (event) => this.#hovered(this.#cellAt(event)));
    canvas.addEventListener("pointerleave", () => this.#hovered(null));
    canvas.addEventListener("click", (event) => this.#picked(this.#cellAt(event)));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => this.#hovered(null));
    new ResizeObserver(() => this.#resized()).observe(canvas.parentElement);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  // field: an answer of /map; scale: from levels(); land: GeoJSON, or null for a world without our coasts.
  show(field, scale, land) {
    const alike = (one, other) => one.length === other.length && one.every((value, index) => value === other[index]);
    const { lat, lon, periodic, corners = null, bounds = null, shape = [lat.length, lon.length] } = field;
    const same = this.grid && alike(this.grid.shape, shape) && alike(this.grid.lat, lat) && alike(this.grid.lon, lon);
    Object.assign(this, { field, scale, land });
    if (!same) {
      this.grid = { lat, lon, periodic, shape, corners, bounds };
      this.cursor = this.chosen = null;
      this.#layout();
    }
    this.raster.paint(this.layer, this.field.values, this.scale);
    this.draw();
  }

  cell(index) {
    const { lat, lon, corners, shape } = this.grid;
    const [row, column] = [Math.floor(index / shape[1]), index % shape[1]];
    const value = this.field.values[index];
    return { index, row, column, lat: lat[corners ? index : row], lon: lon[corners ? index : column], value };
  }

  // Index of the cell nearest to a point: of the grid's own kind, as the server finds it.
  nearest(lat, lon) {
    if (this.grid.corners) return d3.minIndex(this.grid.lat, (at, index) => d3.geoDistance([this.grid.lon[index], at], [lon, lat]));
    const away = (a, b) => Math.abs(((((a - b + 180) % 360) + 360) % 360) - 180);
    const row = d3.minIndex(this.grid.lat, (value) => Math.abs(value - lat));
    return row * this.grid.lon.length + d3.minIndex(this.grid.lon, (value) => away(value, lon));
  }

  choose(index) {
    this.chosen = index;
    this.draw();
  }

  screen(cell) {
    return this.projection([cell.lon, cell.lat]);
  }

  #edges(values, limit) {
    if (values.length === 1) return [values[0] - 0.5, values[0] + 0.5];
    const last = values.length - 1;
    const edges = [values[0] - (values[1] - values[0]) / 2, values[last] + (values[last] - values[last - 1]) / 2];
    return limit ? [Math.max(-limit, edges[0]), Math.min(limit, edges[1])] : edges;
  }

  #resized() {
    if (!this.grid || this.canvas.parentElement.clientWidth === this.width || !this.canvas.parentElement.clientWidth) return;
    this.#layout();
    this.raster.paint(this.layer, this.field.values, this.scale);
    this.draw();
  }

  #layout() {
    const { lat, lon, corners, bounds } = this.grid;
    const [south, north, west, east] = corners ? bounds : [...this.#edges(lat, 90), ...this.#edges(lon)];
    Object.assign(this, { south, north, west, east, width: this.canvas.parentElement.clientWidth });
    this.projection = corners ? project(this.grid, bounds) : this.#projection();
    const outline = this.#outline();
    const box = (height) => [[PAD, 10], [this.width - 10, height - PAD + 6]];
    this.projection.fitWidth(this.width - PAD - 10, outline);
    const [[, top], [, bottom]] = d3.geoPath(this.projection).bounds(outline);
    this.height = Math.round(Math.max(180, Math.min(bottom - top + PAD + 4, innerHeight * MOST)));
    this.projection.fitExtent(box(this.height), outline);
    this.border = outline;
    const ratio = devicePixelRatio || 1;
    Object.assign(this.canvas, { width: this.width * ratio, height: this.height * ratio });
    this.canvas.style.height = `${this.height}px`;
    Object.assign(this.layer, { width: this.width, height: this.height });
    this.raster = corners ? new Quads(this) : new Raster(this);
  }

  #projection() {
    const { south, north, west, east } = this;
    const [lat, lon] = [(south + north) / 2, (west + east) / 2];
    if (east - west > 300) return d3.geoNaturalEarth1().rotate([-lon, 0]);
    if (south > 60 || north < -60) return d3.geoAzimuthalEqualArea().rotate([-lon, -lat]);
    if (Math.abs(lat) < 20 || south * north < 0 || north > 85 || south < -85) return d3.geoEquirectangular().rotate([-lon, 0]);
    const sixth = (north - south) / 6;
    return d3.geoConicConformal().parallels([south + sixth, north - sixth]).rotate([-lon, 0]);
  }

  // The edge of the domain as a closed line, eastward along the south and back along the north.
  #outline() {
    const { south, north, west, east } = this;
    if (this.grid.corners) return this.projection.rotate()[1] ? rim(this.grid) : { type: "Sphere" };
    if (east - west >= 359.9 && north - south > 170) return { type: "Sphere" };
    const [from, to] = [west + 1e-6, east - 1e-6]; // a line along the seam itself would be cut
    const along = d3.range(0, 1.0001, 1 / 64).map((part) => from + part * (to - from));
    const up = d3.range(0, 1.0001, 1 / 32).map((part) => south + part * (north - south));
    const points = [...along.map((x) => [x, south]), ...up.map((y) => [to, y])];
    return { type: "LineString", coordinates: [...points, ...along.reverse().map((x) => [x, north]), ...up.reverse().map((y) => [from, y])] };
  }

  // Longitude counted eastward from the western edge, in [0, 360).
  #eastward(lon) {
    return (((lon - this.west) % 360) + 360) % 360;
  }

  draw() {
    if (!this.field) return;
    const { context, projection } = this;
    const style = getComputedStyle(this.canvas);
    const ink = (name) => style.getPropertyValue(name).trim();
    const ratio = devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.imageSmoothingQuality = "high";
    const path = d3.geoPath(projection, context);
    const stroke = (shape, colour, width, dash = []) => {
      context.beginPath();
      path(shape);
      context.setLineDash(dash);
      Object.assign(context, { strokeStyle: colour, lineWidth: width, lineJoin: "round" });
      context.stroke();
      context.setLineDash([]);
    };
    context.save();
    this.#clip(context, path);
    context.drawImage(this.layer, 0, 0, this.width, this.height);
    stroke(this.#graticule().lines, "rgba(20, 30, 40, .22)", 0.7);
    if (this.land) {
      stroke(this.land, "rgba(255, 255, 255, .55)", 2.6);
      stroke(this.land, "rgba(16, 24, 32, .85)", 1);
    }
    context.restore();
    stroke(this.border, ink("--line-strong"), 1);
    this.#labels(context, ink("--muted"));
    if (this.chosen !== null) this.#mark(this.cell(this.chosen), 6);
    if (this.cursor !== null && document.activeElement === this.canvas) this.#mark(this.cell(this.cursor), 10);
  }

  #clip(context, path) {
    context.beginPath();
    if (this.border.type === "Sphere") path(this.border);
    else this.border.coordinates.forEach((point, index) => context[index ? "lineTo" : "moveTo"](...this.projection(point)));
    context.clip();
  }

  #graticule() {
    const span = Math.max(this.north - this.south, (this.east - this.west) / 2);
    const step = [1, 2, 5, 10, 20, 30].find((size) => span / size <= 7) ?? 30;
    const inner = (from, to) => d3.range(Math.ceil(from / step) * step, to + 1e-9, step);
    const [lons, lats] = [inner(this.west, this.east), inner(this.south, this.north)];
    const fine = (from, to) => d3.range(0, 1.0001, 1 / 48).map((part) => from + part * (to - from));
    const meridians = lons.map((lon) => fine(this.south, this.north).map((lat) => [lon, lat]));
    const parallels = lats.map((lat) => fine(this.west + 1e-6, this.east - 1e-6).map((lon) => [lon, lat]));
    return { lons, lats, lines: { type: "MultiLineString", coordinates: [...meridians, ...parallels] } };
  }

  #labels(context, colour) {
    if (this.border.type === "Sphere" || this.grid.corners) return;
    const { lons, lats } = this.#graticule();
    Object.assign(context, { fillStyle: colour, font: "11px system-ui, sans-serif", textAlign: "center", textBaseline: "top" });
    for (const lon of lons.filter((value) => value > this.west + 1 && value < this.east - 1)) {
      const [x, y] = this.projection([lon, this.south]);
      const east = ((((lon + 180) % 360) + 360) % 360) - 180;
      if (x > PAD && x < this.width - 18) context.fillText(`${Math.abs(east)}°${east > 0 ? "E" : east < 0 ? "W" : ""}`, x, y + 5);
    }
    Object.assign(context, { textAlign: "right", textBaseline: "middle" });
    for (const lat of lats) {
      const [x, y] = this.projection([this.west + 1e-6, lat]);
      if (y > 8 && y < this.height - 22) context.fillText(`${Math.abs(lat)}°${lat > 0 ? "N" : lat < 0 ? "S" : ""}`, x - 5, y);
    }
  }

  #mark(cell, radius) {
    const [x, y] = this.screen(cell);
    for (const [colour, width] of [["rgba(255, 255, 255, .95)", 4], ["#10181f", 1.8]]) {
      this.context.beginPath();
      this.context.arc(x, y, radius, 0, 2 * Math.PI);
      Object.assign(this.context, { strokeStyle: colour, lineWidth: width });
      this.context.stroke();
    }
  }

  #cellAt(event) {
    if (!this.field) return null;
    if (this.grid.corners) {
      const index = this.raster.at(event.offsetX, event.offsetY);
      return index === null ? null : this.cell(index);
    }
    const point = this.projection.invert([event.offsetX, event.offsetY]);
    if (!point || !Number.isFinite(point[0])) return null;
    const eastward = this.#eastward(point[0]);
    const inside = point[1] >= this.south && point[1] <= this.north && eastward <= this.east - this.west;
    return inside ? this.cell(this.nearest(point[1], this.west + eastward)) : null;
  }

  #hovered(cell) {
    this.hover(cell, cell && this.screen(cell));
  }

  #picked(cell) {
    if (cell) this.pick(cell);
  }

  #key(event) {
    const move = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!this.field || (!move && event.key !== "Enter")) return;
    event.preventDefault();
    const [rows, columns] = this.grid.shape;
    const at = this.cell(this.cursor ?? this.chosen ?? Math.floor(rows / 2) * columns + Math.floor(columns / 2));
    if (!move) return void this.#picked(at);
    const [up, along] = this.grid.corners ? this.#towards(at, move) : move;
    const row = Math.min(rows - 1, Math.max(0, at.row + up));
    const column = this.grid.periodic ? (at.column + along + columns) % columns : Math.min(columns - 1, Math.max(0, at.column + along));
    this.cursor = row * columns + column;
    this.draw();
    this.#hovered(this.cell(this.cursor));
  }

  // The step on the grid, a row or a column, that leads most nearly up or along as a projected grid lies on the screen.
  #towards(at, [up, along]) {
    const [rows, columns] = this.grid.shape;
    const [x, y] = this.screen(at);
    const within = ([row, column]) => row >= 0 && row < rows && column >= 0 && column < columns;
    const steps = [[1, 0], [-1, 0], [0, 1], [0, -1]].filter((step) => within([at.row + step[0], at.column + step[1]]));
    const ways = steps.map((step) => {
      const next = this.screen(this.cell((at.row + step[0]) * columns + at.column + step[1]));
      return (along * (next[0] - x) + up * (y - next[1])) / Math.hypot(next[0] - x, next[1] - y);
    });
    const best = d3.maxIndex(ways);
    return ways[best] > 0.5 ? steps[best] : [0, 0];
  }
}
