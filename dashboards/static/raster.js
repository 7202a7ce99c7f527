// Pixels of the map. The projection is inverted once a size: each pixel keeps the cell to its south-west and the fractions
// towards the next ones, so that another lead costs one pass over the pixels.

const LATTICE = 4; // pixels between exact inversions; in between, longitude and latitude are interpolated
const SEAM = 20; // degrees between neighbouring knots that only a seam or the projection's edge can make
export const MASKED = [128, 128, 128, 70]; // red, green, blue, alpha of cells without a value
const LINE = 0.8; // brightness of the line between two levels

export class Raster {
  // frame: the map's width, height, projection, grid {lat, lon, periodic} and its edges south, north, west, east.
  constructor(frame) {
    Object.assign(this, { frame, width: frame.width, height: frame.height });
    const size = this.width * this.height;
    Object.assign(this, { base: new Int32Array(size).fill(-1), x: new Float32Array(size), y: new Float32Array(size) });
    this.#invert(this.#knots());
  }

  // Exact (longitude eastward from the western edge, latitude) of a pixel, NaN outside the projection.
  #exact(x, y) {
    const { projection, west } = this.frame;
    const point = projection.invert([x, y]);
    if (!point || !Number.isFinite(point[0])) return [NaN, NaN];
    const back = projection(point); // beyond the projection's own edge the inverse comes back elsewhere
    if (!back || Math.hypot(back[0] - x, back[1] - y) > 0.5) return [NaN, NaN];
    return [(((point[0] - west) % 360) + 360) % 360, point[1]];
  }

  #knots() {
    const [columns, rows] = [Math.ceil(this.width / LATTICE) + 1, Math.ceil(this.height / LATTICE) + 1];
    const values = new Float64Array(columns * rows * 2);
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        values.set(this.#exact(column * LATTICE, row * LATTICE), 2 * (row * columns + column));
      }
    }
    return { columns, values };
  }

  #invert({ columns, values }) {
    for (let y = 0; y < this.height; y += 1) {
      const fy = (y % LATTICE) / LATTICE;
      for (let x = 0; x < this.width; x += 1) {
        const fx = (x % LATTICE) / LATTICE;
        const a = 2 * (Math.floor(y / LATTICE) * columns + Math.floor(x / LATTICE));
        const [b, c, d] = [a + 2, a + 2 * columns, a + 2 * columns + 2];
        const low = Math.min(values[a], values[b], values[c], values[d]);
        const high = Math.max(values[a], values[b], values[c], values[d]);
        const mix = (axis) =>
          (values[a + axis] * (1 - fx) + values[b + axis] * fx) * (1 - fy) + (values[c + axis] * (1 - fx) + values[d + axis] * fx) * fy;
        if (high - low < SEAM) this.#place(y * this.width + x, mix(1), mix(0));
        else {
          const [east, lat] = this.#exact(x, y);
          this.#place(y * this.width + x, lat, east);
        }
      }
    }
  }

  #place(pixel, lat, eastward) {
    const { south, north, west, east, grid } = this.frame;
    if (!(lat >= south && lat <= north && eastward <= east - west + 1e-6)) return;
    const [row, y] = between(grid.lat, lat);
    const [column, x] = grid.periodic ? around(grid.lon, west + eastward) : between(grid.lon, west + eastward);
    this.base[pixel] = row * grid.lon.length + column;
    this.x[pixel] = x;
    this.y[pixel] = y;
  }

  // Fill a canvas with levels; the border between two levels is drawn darker, as an isoline.
  paint(canvas, values, { edges, colours }) {
    const { width, base, x, y } = this;
    const [rows, columns] = [this.frame.grid.lat.length, this.frame.grid.lon.length];
    const image = new ImageData(width, this.height);
    const level = new Int16Array(base.length).fill(-1);
    const differs = (pixel, rank) => level[pixel] >= 0 && level[pixel] !== rank;
    for (let pixel = 0; pixel < base.length; pixel += 1) {
      const value = base[pixel] < 0 ? null : sample(values, base[pixel], x[pixel], y[pixel], rows, columns);
      if (value === null) {
        if (base[pixel] >= 0) image.data.set(MASKED, pixel * 4);
        continue;
      }
      const rank = d3.bisectRight(edges, value);
      level[pixel] = rank;
      const shade = differs(pixel - 1, rank) || differs(pixel - width, rank) ? LINE : 1;
      const colour = colours[rank];
      for (let part = 0; part < 3; part += 1) image.data[pixel * 4 + part] = colour[part] * shade;
      image.data[pixel * 4 + 3] = 255;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  }
}

// Index of the value below `at`, and the fraction towards the next; held at both ends.
function between(values, at) {
  if (values.length === 1) return [0, 0];
  const index = Math.min(values.length - 2, Math.max(0, d3.bisectRight(values, at) - 1));
  return [index, Math.min(1, Math.max(0, (at - values[index]) / (values[index + 1] - values[index])))];
}

// The same on a circle: beyond the last comes the first again.
function around(values, at) {
  const last = values.length - 1;
  if (at >= values[last]) return [last, (at - values[last]) / (values[0] + 360 - values[last])];
  return at < values[0] ? [last, (at + 360 - values[last]) / (values[0] + 360 - values[last])] : between(values, at);
}

// Bilinear where all four cells have values, else the nearest cell's own.
function sample(values, base, x, y, rows, columns) {
  const right = (base % columns) + 1 < columns ? base + 1 : base + 1 - columns;
  const up = base + columns < rows * columns ? columns : 0;
  const [a, b, c, d] = [values[base], values[right], values[base + up], values[right + up]];
  if (a === null || b === null || c === null || d === null) return y < 0.5 ? (x < 0.5 ? a : b) : x < 0.5 ? c : d;
  return (a * (1 - x) + b * x) * (1 - y) + (c * (1 - x) + d * x) * y;
}
