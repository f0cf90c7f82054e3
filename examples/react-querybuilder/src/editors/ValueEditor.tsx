import { ValueEditor as LibraryValueEditor, type ValueEditorProps } from 'react-querybuilder';
import type { FieldOption } from '../api';
import { DateEditor } from './DateEditor';
import { GeographyEditor } from './GeographyEditor';
import { SequenceEditor } from './SequenceEditor';

const dates = new Set(['date', 'instant', 'yearly']);
const ranges = new Set(['between', 'notBetween']);
const lists = new Set(['in', 'notIn']);
const without = new Set(['null', 'notNull']);

/** The value of a rule: dates, areas and sequences by our own editors, all else by the library's. */
export function ValueEditor(props: ValueEditorProps) {
  const field = props.fieldData as unknown as FieldOption;
  const change = (value: unknown) => props.handleOnChange(value);
  if (without.has(props.operator)) {
    return null;
  }

  if (field.type === 'sequence') {
    return <SequenceEditor value={props.value} fields={props.fieldData} onChange={change} />;
  }

  if (field.type === 'point') {
    return <GeographyEditor value={props.value} onChange={change} />;
  }

  if (props.valueSource === 'field' || !dates.has(field.type)) {
    // A closed list's field has one select for all operators; a list of values needs one of several.
    const type = lists.has(props.operator) && props.type === 'select' ? 'multiselect' : props.type;
    return <LibraryValueEditor {...props} type={type} />;
  }

  const withTime = field.type === 'instant';
  if (!ranges.has(props.operator) && !lists.has(props.operator)) {
    return <DateEditor value={props.value} withTime={withTime} onChange={change} />;
  }

  // A comma text is what the API takes too; once it is changed it is a list.
  const values: unknown[] = Array.isArray(props.value) ? props.value
    : typeof props.value === 'string' ? props.value.split(',').map(text => text.trim()) : [props.value];
  const shown = ranges.has(props.operator) ? [values[0], values[1]] : values;
  return (
    <span className="rule-value">
      {shown.map((value, i) => (
        <DateEditor key={i} value={value} withTime={withTime} onChange={next => change(shown.map((v, j) => j === i ? next : v))} />
      ))}
      {lists.has(props.operator) && <button type="button" onClick={() => change([...shown, ''])}>another</button>}
    </span>
  );
}
