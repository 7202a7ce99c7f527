// Questions to the server that sent this page; a refusal keeps its three parts.

export class Refusal extends Error {
  constructor({ expected, got, do: remedy }, status = 0) {
    super(`expected ${expected}; got ${got}; do: ${remedy}`);
    Object.assign(this, { expected, got, remedy, status });
  }
}

export async function ask(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(given).toString();
  let response;
  try {
    response = await fetch(search ? `${path}?${search}` : path, { headers: { accept: "application/json" } });
  } catch {
    throw new Refusal({ expected: "an answer from the server", got: "none", do: "check that `forecast serve` is running, then try again" });
  }
  const body = await response.json().catch(() => null);
  if (!response.ok || body === null) {
    const told = body && body.expected ? body : { expected: "an answer", got: `HTTP ${response.status}`, do: "look at the server's log" };
    throw new Refusal(told, response.status);
  }
  return body;
}

export const view = (name, what = "", query = {}) =>
  ask(`view/${encodeURIComponent(name)}${what ? `/${what}` : ""}`, query);

// Address of a place's answer as a file, by the standard's paths.
export function download(summary, place, form) {
  const base = `collections/${encodeURIComponent(summary.name)}/instances/${encodeURIComponent(summary.forecast_id)}`;
  if (place.series !== undefined) return `${base}/locations/${encodeURIComponent(place.series)}?f=${form}`;
  return `${base}/position?${new URLSearchParams({ coords: `POINT(${place.lon} ${place.lat})`, f: form })}`;
}
