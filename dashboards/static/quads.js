// Cells of a projected grid: each a quadrilateral between its four corners on the sphere. Each pixel keeps the index of the
// cell that covers it, so that another lead costs one pass over the pixels and the pointer reads the cell that it sees.

import { MASKED } from "./raster.js";

export class Quads {
  // frame: the map's width, height, projection, border and grid {lat, lon, shape, corners}, all row by row.
  constructor({ width, height, projection, border, grid }) {
    Object.assign(this, { width, height, cells: new Int32Array(width * height).fill(-1) });
    const [rows, columns] = grid.shape;
    const relative = d3.geoRotation(projection.rotate()); // longitude 0 is the middle of the map, +-180 its seam
    const corners = grid.corners.lat.map((lat, index) => [grid.corners.lon[index], lat]);
    const turned = corners.map((corner) => (border.type === "Sphere" ? relative(corner)[0] : 0)); // a disc has no seam
    for (let index = 0; index < rows * columns; index += 1) {
      const first = index + Math.floor(index / columns); // a row of corners is one longer
      const four = [first, first + 1, first + columns + 2, first + columns + 1];
      for (const quad of apart(four, corners, turned, relative)) this.#fill(quad.map((corner) => projection(corner)), index);
    }
  }

  // Index of the cell that covers a pixel, or null.
  at(x, y) {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const inside = column >= 0 && column < this.width && row >= 0 && row < this.height;
    const index = inside ? this.cells[row * this.width + column] : -1;
    return index < 0 ? null : index;
  }

  #fill([a, b, c, d], index) {
    this.#triangle(a, b, c, index);
    this.#triangle(a, c, d, index);
  }

  // Pixels whose centres lie in a triangle; edges belong to it, so that neighbours leave no gap.
  #triangle(a, b, c, index) {
    const side = Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));
    const held = (p, q, x, y) => side * ((q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0])) >= 0;
    if (!side) return;
    const first = (axis) => Math.max(0, Math.ceil(Math.min(a[axis], b[axis], c[axis]) - 0.5));
    const last = (axis, size) => Math.min(size - 1, Math.floor(Math.max(a[axis], b[axis], c[axis]) - 0.5));
    const [left, right, bottom] = [first(0), last(0, this.width), last(1, this.height)];
    for (let row = first(1); row <= bottom; row += 1) {
      for (let column = left; column <= right; column += 1) {
        const [x, y] = [column + 0.5, row + 0.5];
        if (held(a, b, x, y) && held(b, c, x, y) && held(c, a, x, y)) this.cells[row * this.width + column] = index;
      }
    }
  }

  // Fill a canvas: each cell with the colour of its level.
  paint(canvas, values, { edges, colours }) {
    const image = new ImageData(this.width, this.height);
    const inks = values.map((value) => (value === null ? MASKED : [...colours[d3.bisectRight(edges, value)], 255]));
    this.cells.forEach((index, pixel) => index >= 0 && image.data.set(inks[index], pixel * 4));
    canvas.getContext("2d").putImageData(image, 0, 0);
  }
}

// A cell across the seam of the map is drawn at both of its edges, each time as far as it reaches there.
function apart(four, corners, turned, relative) {
  const quad = four.map((at) => corners[at]);
  const sides = four.map((at) => turned[at]);
  if (Math.max(...sides) - Math.min(...sides) <= 180) return [quad];
  const held = (sign) => quad.map((corner, at) => (sides[at] * sign > 0 ? corner : relative.invert([sign * 179.999, relative(corner)[1]])));
  return [held(1), held(-1)];
}

// A projection for the grid, [south, north, west, east] its bounds: the whole world, or a disc around its middle, turned
// as the grid lies where a pole is in it (elsewhere north is up).
export function project(grid, [south, north, west, east]) {
  const polar = south > -20 && north > 89 ? 1 : north < 20 && south < -89 ? -1 : 0;
  if (east - west > 300 && !polar) return d3.geoNaturalEarth1().rotate([-(west + east) / 2, 0]);
  const centres = grid.lat.map((lat, index) => [grid.lon[index], lat]);
  const [lon, lat] = d3.geoCentroid({ type: "MultiPoint", coordinates: centres });
  const disc = d3.geoAzimuthalEqualArea().rotate([-lon, -lat]);
  if (!polar) return disc;
  const [rows, columns] = grid.shape;
  const middle = Math.floor(rows / 2) * columns;
  const [from, to] = [disc(centres[middle]), disc(centres[middle + columns - 1])];
  return disc.angle((Math.atan2(to[1] - from[1], to[0] - from[0]) * 180) / Math.PI);
}

// The edge of the grid as a closed line through its outer corners.
export function rim({ shape: [rows, columns], corners }) {
  const at = (row, column) => row * (columns + 1) + column;
  const [along, up] = [d3.range(columns), d3.range(rows)];
  const round = [
    ...along.map((column) => at(0, column)),
    ...up.map((row) => at(row, columns)),
    ...along.map((column) => at(rows, columns - column)),
    ...up.map((row) => at(rows - row, 0)),
    0,
  ];
  return { type: "LineString", coordinates: round.map((index) => [corners.lon[index], corners.lat[index]]) };
}
