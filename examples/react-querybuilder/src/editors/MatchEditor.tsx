import type { MatchModeEditorProps } from 'react-querybuilder';
import type { FieldOption, Match } from '../api';
import { DateEditor } from './DateEditor';

const withoutThreshold = new Set(['some', 'none', 'all']);

/** How many events, or what their aggregate is: { mode, threshold, aggregate, of }. */
export function MatchEditor(props: MatchModeEditorProps) {
  const field = props.fieldData as unknown as FieldOption;
  const match = props.match as Match;
  const change = (next: Match) => props.handleOnChange(next);
  const aggregate = field.aggregates?.find(a => a.name === match.aggregate);
  const isDate = match.of === 'occurredAt' && (match.aggregate === 'min' || match.aggregate === 'max');
  const thresholds: unknown[] = Array.isArray(match.threshold) ? match.threshold : [match.threshold];

  const changeMode = (mode: string) => {
    if (withoutThreshold.has(mode)) {
      change({ mode });
    } else if (mode === 'between') {
      change({ ...match, mode, threshold: [thresholds[0] ?? 1, thresholds[1] ?? thresholds[0] ?? 1] });
    } else {
      change({ ...match, mode, threshold: thresholds[0] ?? 1 });
    }
  };

  const changeAggregate = (name: string) => {
    const { aggregate: _, of: __, ...plain } = match;
    const found = field.aggregates?.find(a => a.name === name);
    change(found ? { ...plain, aggregate: name, ...(found.of.length > 0 && { of: found.of[0] }) } : plain);
  };

  const changeThreshold = (index: number, value: unknown) =>
    change({ ...match, threshold: Array.isArray(match.threshold) ? thresholds.map((t, i) => i === index ? value : t) : value });

  return (
    <span className={props.className} title={props.title}>
      {!withoutThreshold.has(match.mode) && (
        <>
          <select aria-label="Aggregate" value={match.aggregate ?? ''} onChange={e => changeAggregate(e.target.value)}>
            <option value="">the number of events</option>
            {field.aggregates?.map(a => <option key={a.name} value={a.name}>{a.label}</option>)}
          </select>
          {aggregate && aggregate.of.length > 0 && (
            <select aria-label="Of" value={match.of} onChange={e => change({ ...match, of: e.target.value })}>
              {listFields(field, aggregate.of, match.of).map(name => <option key={name} value={name}>{name}</option>)}
            </select>
          )}
        </>
      )}
      <select aria-label="Mode" value={match.mode} onChange={e => changeMode(e.target.value)}>
        {field.matchModes?.map(m => <option key={m.name} value={m.name}>{m.label}</option>)}
      </select>
      {!withoutThreshold.has(match.mode) && thresholds.map((threshold, i) => isDate
        ? <DateEditor key={i} value={threshold} withTime onChange={value => changeThreshold(i, value)} />
        : <input key={i} aria-label="Threshold" type="number" step="any" value={String(threshold ?? '')}
            onChange={e => changeThreshold(i, e.target.value === '' ? '' : Number(e.target.value))} />)}
    </span>
  );
}

// "properties.*" stands for every property that events carry; the one that a stored rule names is among them in any case.
function listFields(field: FieldOption, of: string[], chosen: string | undefined): string[] {
  const properties = (field.subproperties ?? []).map(f => f.name).filter(name => name.startsWith('properties.'));
  const names = of.flatMap(name => name === 'properties.*' ? properties : [name]);
  return chosen === undefined || names.includes(chosen) ? names : [...names, chosen];
}
