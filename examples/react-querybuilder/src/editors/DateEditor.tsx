import type { RelativeDate } from '../api';

const anchors = [
  'now', 'startOfDay', 'endOfDay', 'startOfWeek', 'endOfWeek', 'startOfMonth', 'endOfMonth', 'startOfYear', 'endOfYear',
];
const units = ['minute', 'hour', 'day', 'week', 'month', 'year'];

interface Props {
  value: unknown;
  withTime: boolean;
  onChange: (value: unknown) => void;
}

const isRelative = (value: unknown): value is RelativeDate =>
  typeof value === 'object' && value !== null && (value as RelativeDate).mode === 'relative';

/** A date, a date with a time and its offset, or a relative one: { mode: "relative", anchor, offset, unit }. */
export function DateEditor({ value, withTime, onChange }: Props) {
  if (isRelative(value)) {
    return (
      <span className="rule-value">
        <button type="button" onClick={() => onChange(new Date().toISOString().slice(0, 10))}>relative</button>
        <input aria-label="Offset" type="number" step="1" value={value.offset}
          onChange={e => onChange({ ...value, offset: Math.trunc(Number(e.target.value)) })} />
        <select aria-label="Unit" value={value.unit} onChange={e => onChange({ ...value, unit: e.target.value })}>
          {units.map(unit => <option key={unit} value={unit}>{unit}s</option>)}
        </select>
        from
        <select aria-label="Anchor" value={value.anchor} onChange={e => onChange({ ...value, anchor: e.target.value })}>
          {anchors.map(anchor => <option key={anchor} value={anchor}>{anchor}</option>)}
        </select>
      </span>
    );
  }

  // A text field: an HTML input for dates with a time has no offset, and so no instant.
  return (
    <span className="rule-value">
      <button type="button" onClick={() => onChange({ mode: 'relative', anchor: 'now', offset: -30, unit: 'day' })}>fixed</button>
      <input aria-label="Date" placeholder={withTime ? '2026-01-31 or 2026-01-31T09:30:00Z' : '2026-01-31'} size={24}
        value={typeof value === 'string' ? value : ''} onChange={e => onChange(e.target.value)} />
    </span>
  );
}
