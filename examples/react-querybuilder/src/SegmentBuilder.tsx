import { QueryBuilder, type FullField, type RuleGroupType } from 'react-querybuilder';
import { MatchEditor } from './editors/MatchEditor';
import { ValueEditor } from './editors/ValueEditor';
import { idGenerator } from './rules';

/** Ours are two: how many events, and the values that no HTML input can hold. All else is the library's. */
export const controlElements = { matchModeEditor: MatchEditor, valueEditor: ValueEditor };

// Words, where the library has pictures that not every machine can show.
const translations = {
  muteRule: { label: 'mute' },
  muteGroup: { label: 'mute' },
  unmuteRule: { label: 'muted' },
  unmuteGroup: { label: 'muted' },
};

interface Props {
  fields: { label: string; options: FullField[] }[];
  query: RuleGroupType;
  onChange: (query: RuleGroupType) => void;
}

export function SegmentBuilder({ fields, query, onChange }: Props) {
  return (
    <QueryBuilder
      fields={fields}
      query={query}
      onQueryChange={onChange}
      idGenerator={idGenerator}
      controlElements={controlElements}
      translations={translations}
      listsAsArrays
      parseNumbers="strict-limited"
      showNotToggle
      showMuteButtons
      showShiftActions
      enableMountQueryChange={false}
      getSubQueryBuilderProps={() => ({ idGenerator, controlElements, listsAsArrays: true, parseNumbers: 'strict-limited' })}
    />
  );
}
