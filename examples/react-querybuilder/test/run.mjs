// node test/run.mjs FILE: FILE is JSON with the answer of GET /fields as "fields" and stored rules as "rules".
// 1. The library as it is, on that answer: each field with its operators and no others, those of events too.
// 2. Our page: each rule goes in, is shown, changed and changed back, and comes out as it went in.
// Prints what was checked; ends with 1 and says what differs where something does.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { QueryBuilder, add, move, prepareRuleGroup, remove, update } from 'react-querybuilder';
import { createServer } from 'vite';

const file = process.argv[2];
if (!file) {
  console.error('Usage: node test/run.mjs FILE, a JSON file with "fields" (the answer of GET /api/v1/fields) and "rules".');
  process.exit(1);
}

const { fields, rules } = JSON.parse(readFileSync(file, 'utf8'));
const render = (component, props) => renderToStaticMarkup(createElement(component, { onQueryChange() {}, onChange() {}, ...props }));
const renderLibrary = rule => render(QueryBuilder, { fields, query: prepareRuleGroup({ combinator: 'and', rules: [rule] }) });

// The selects of some HTML by their data-testid, in order: the names of the options, and which one is selected.
const selects = (html, testId) => [...html.matchAll(/<select\b([^>]*)>(.*?)<\/select>/gs)]
  .filter(([, attributes]) => attributes.includes(`data-testid="${testId}"`))
  .map(([, , options]) => {
    const all = [...options.matchAll(/<option value="([^"]*)"( selected="")?/g)];
    return { names: all.map(o => decode(o[1])), selected: all.filter(o => o[2]).map(o => decode(o[1])) };
  });
const characters = { lt: '<', gt: '>', quot: '"', '#x27': "'", amp: '&' };
const decode = text => text.replace(/&(lt|gt|quot|#x27|amp);/g, (_, name) => characters[name]);
const namesOf = options => options.map(o => o.name);

function checkDropIn() {
  const all = fields.flatMap(group => group.options);
  let inner = 0;
  for (const field of all) {
    const check = html => {
      const chosen = selects(html, 'fields')[0];
      assert.deepEqual(chosen.names, namesOf(all), `${field.name}: the fields to choose from`);
      assert.deepEqual(chosen.selected, [field.name], `${field.name}: the field chosen`);
    };

    // A rule with match has no operator to choose: its mode stands there.
    const rule = { field: field.name, operator: field.defaultOperator ?? field.operators[0].name, value: field.defaultValue ?? '' };
    if (!field.matchModes) {
      const html = renderLibrary(rule);
      check(html);
      assert.deepEqual(selects(html, 'operators').map(s => s.names), [namesOf(field.operators)], `${field.name}: its operators`);
      assert.deepEqual(selects(html, 'operators')[0].selected, [rule.operator], `${field.name}: the operator chosen`);
      continue;
    }

    for (const part of field.subproperties) {
      for (const mode of namesOf(field.matchModes)) {
        const value = { combinator: 'and', rules: [{ field: part.name, operator: part.operators[0].name, value: '' }] };
        const html = renderLibrary({ ...rule, match: { mode, threshold: 1 }, value });
        check(html);
        const modes = selects(html, 'match-mode-editor');
        assert.deepEqual(modes.map(s => s.names), [namesOf(field.matchModes)], `${field.name}: its modes`);
        assert.deepEqual(modes[0].selected, [mode], `${field.name}: the mode chosen`);
        const [, ofEvent] = selects(html, 'fields');
        assert.deepEqual(ofEvent.names, namesOf(field.subproperties), `${field.name}: the fields of an event`);
        assert.deepEqual(ofEvent.selected, [part.name], `${field.name}: the field of an event chosen`);
        assert.deepEqual(selects(html, 'operators').map(s => s.names), [namesOf(part.operators)], `${part.name}: its operators`);
      }

      inner++;
    }
  }

  return { fields: all.length, eventFields: inner };
}

// What our editors show of a value's properties.
const editors = [
  ['aggregate', 'aria-label="Aggregate"'], ['of', 'aria-label="Of"'], ['threshold', 'aria-label="Mode"'], ['anchor', 'aria-label="Anchor"'],
  ['radiusKm', 'km'], ['polygon', '<textarea aria-label="Polygon'], ['steps', '<legend>First</legend>'], ['within', 'within'],
];

async function checkRoundTrips() {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const server = { middlewareMode: true, hmr: false, watch: null };
  const vite = await createServer({ root, server, optimizeDeps: { noDiscovery: true }, appType: 'custom', logLevel: 'error' });
  try {
    const { SegmentBuilder } = await vite.ssrLoadModule('/src/SegmentBuilder.tsx');
    const { idGenerator, toFields, toQuery, toRule } = await vite.ssrLoadModule('/src/rules.ts');
    const shown = toFields(fields);
    rules.forEach((rule, i) => {
      const before = structuredClone(rule);
      const held = toQuery(rule);
      const html = render(SegmentBuilder, { fields: shown, query: held });
      const text = JSON.stringify(rule);
      assert.ok(!html.includes('[object Object]'), `rule ${i}: each value has its editor`);
      for (const [property, label] of editors.filter(([property]) => text.includes(`"${property}"`))) {
        assert.ok(html.includes(label), `rule ${i}: an editor for ${property}`);
      }

      // What the builder's state does to a rule, and back.
      const added = add(held, { field: 'customer.id', operator: '=', value: 'x' }, [], { idGenerator });
      const muted = update(added, 'muted', true, [added.rules.length - 1]);
      const moved = move(muted, [muted.rules.length - 1], [0]);
      const back = remove(moved, [0]);
      const turned = update(update(back, 'combinator', held.combinator === 'and' ? 'or' : 'and', []), 'combinator', held.combinator, []);
      assert.deepEqual(toRule(turned), before, `rule ${i} comes back as it went in`);
      assert.deepEqual(rule, before, `rule ${i} is not changed in place`);
    });
    return { rules: rules.length };
  } finally {
    await vite.close();
  }
}

try {
  const checked = { ...checkDropIn(), ...await checkRoundTrips() };
  console.log(JSON.stringify(checked));
} catch (error) {
  console.error(error instanceof assert.AssertionError ? error.message : error);
  process.exitCode = 1;
}
