// What the page needs of the API: its types, and a call.

export interface Match {
  mode: string;
  threshold?: unknown;
  aggregate?: string;
  of?: string;
}

/** A node of a rule, group or rule: RuleNode of the OpenAPI document. */
export interface RuleNode {
  combinator?: string;
  not?: boolean;
  rules?: RuleNode[];
  field?: string;
  operator?: string;
  value?: unknown;
  valueSource?: string;
  match?: Match;
  muted?: boolean;
  id?: string;
  path?: number[];
  disabled?: boolean;
}

export interface Option {
  name: string;
  label: string;
}

export interface RelativeDate {
  mode: 'relative';
  anchor: string;
  offset: number;
  unit: string;
}

/** An entry of GET /fields. */
export interface FieldOption extends Option {
  type: string;
  operators: Option[];
  valueSources: string[];
  values?: Option[];
  matchModes?: Option[];
  aggregates?: (Option & { of: string[] })[];
  subproperties?: FieldOption[];
}

export interface FieldGroup {
  label: string;
  options: FieldOption[];
}

export interface Answer {
  title?: string;
  errors?: Record<string, string[]>;
}

/** Calls the API; an error of the service is an answer with errors, like any other. */
export async function call<T>(path: string, body?: unknown, signal?: AbortSignal): Promise<T & Answer> {
  const answer = await fetch(`/api/v1/${path}`, body === undefined ? { signal } : {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  return await answer.json() as T & Answer;
}
