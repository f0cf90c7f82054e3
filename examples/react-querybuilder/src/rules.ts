import { prepareRuleGroup, type FullField, type RuleGroupType } from 'react-querybuilder';
import type { FieldGroup, FieldOption, RuleNode } from './api';

// The operators that compare two fields. The API says of a field whether it can be compared, the builder asks for each operator.
const comparisons = new Set(['=', '!=', '<', '<=', '>', '>=']);
const equality = new Set(['=', '!=']);
const unordered = new Set(['text', 'boolean']);

// What a new rule on them begins with: values that their editors show.
const defaultValues: Record<string, unknown> = {
  point: { latitude: 52.52, longitude: 13.4, radiusKm: 50 },
  sequence: { steps: [{ combinator: 'and', rules: [] }, { combinator: 'and', rules: [] }] },
};

/** The fields of GET /fields, with what JSON can't say: that only some operators take a field. */
export function toFields(groups: FieldGroup[]): { label: string; options: FullField[] }[] {
  const toField = (field: FieldOption): FullField => ({
    ...field,
    value: field.name,
    ...(field.type in defaultValues && { defaultValue: defaultValues[field.type] }),
    valueSources: (operator: string) =>
      field.valueSources.includes('field') && (unordered.has(field.type) ? equality : comparisons).has(operator)
        ? ['value', 'field'] : ['value'],
    ...(field.subproperties && { subproperties: field.subproperties.map(toField) }),
  } as unknown as FullField);
  return groups.map(group => ({ label: group.label, options: group.options.map(toField) }));
}

const newId = 'new-';
let made = 0;

/** Ids of nodes that the builder makes; those that a stored rule has stay. */
export const idGenerator = (): string => `${newId}${++made}`;

/** A stored rule as the builder holds it: each node has an id. */
export const toQuery = (rule: RuleGroupType): RuleGroupType => prepareRuleGroup(rule, { idGenerator });

/** The rule as the API stores it: what the builder holds, without the ids it made for itself. */
export function toRule(query: RuleGroupType): RuleNode {
  // The library's own type is a RuleNode as it is: no cast.
  const node: RuleNode = query;
  return withoutNewIds(node) as RuleNode;
}

function withoutNewIds(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withoutNewIds);
  }

  if (typeof value !== 'object' || value === null) {
    return value;
  }

  return Object.fromEntries(Object.entries(value)
    .filter(([name, part]) => !(name === 'id' && typeof part === 'string' && part.startsWith(newId)))
    .map(([name, part]) => [name, withoutNewIds(part)]));
}
