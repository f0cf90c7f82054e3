import { QueryBuilder, type FullField, type RuleGroupType } from 'react-querybuilder';
import { controlElements } from '../SegmentBuilder';
import { idGenerator } from '../rules';

interface Sequence {
  steps: RuleGroupType[];
  within?: { amount: number; unit: string };
}

interface Props {
  value: unknown;
  fields: FullField;
  onChange: (value: unknown) => void;
}

const mostSteps = 5;
const anyEvent = (): RuleGroupType => ({ combinator: 'and', rules: [] });

/** Two to five steps, each a group over one event, and the time from the first to the last: { steps, within }. */
export function SequenceEditor({ value, fields, onChange }: Props) {
  const isSequence = typeof value === 'object' && value !== null && 'steps' in value;
  const sequence: Sequence = isSequence ? value as Sequence : { steps: [anyEvent(), anyEvent()] };
  const { steps, within } = sequence;
  const changeSteps = (next: RuleGroupType[]) => onChange({ ...sequence, steps: next });
  const swap = (i: number) => changeSteps(steps.map((step, j) => j === i ? steps[i + 1] : j === i + 1 ? steps[i] : step));
  return (
    <div className="rule-value">
      {steps.map((step, i) => (
        <fieldset key={i}>
          <legend>{i === 0 ? 'First' : `Then (${i + 1})`}</legend>
          <QueryBuilder
            fields={fields.subproperties}
            query={step}
            onQueryChange={next => changeSteps(steps.map((s, j) => j === i ? next : s))}
            idGenerator={idGenerator}
            controlElements={controlElements}
            listsAsArrays
            parseNumbers="strict-limited"
            enableMountQueryChange={false}
          />
          {i + 1 < steps.length && <button type="button" onClick={() => swap(i)}>later</button>}
          {steps.length > 2 && <button type="button" onClick={() => changeSteps(steps.filter((_, j) => j !== i))}>remove step</button>}
        </fieldset>
      ))}
      {steps.length < mostSteps && <button type="button" onClick={() => changeSteps([...steps, anyEvent()])}>another step</button>}
      <label>
        within{' '}
        <input type="number" min="1" value={within?.amount ?? ''} onChange={e => {
          const { within: _, ...open } = sequence;
          onChange(e.target.value === '' ? open : { ...open, within: { amount: Number(e.target.value), unit: within?.unit ?? 'day' } });
        }} />
      </label>
      {within && (
        <select aria-label="Unit" value={within.unit}
          onChange={e => onChange({ ...sequence, within: { ...within, unit: e.target.value } })}>
          {['minute', 'hour', 'day', 'week', 'month', 'year'].map(unit => <option key={unit} value={unit}>{unit}s</option>)}
        </select>
      )}
    </div>
  );
}
