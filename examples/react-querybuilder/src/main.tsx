import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import type { FullField, RuleGroupType } from 'react-querybuilder';
import 'react-querybuilder/dist/query-builder.css';
import { call, type FieldGroup } from './api';
import { SegmentBuilder } from './SegmentBuilder';
import { toFields, toQuery, toRule } from './rules';

interface Preview { count: number; total: number; sample: { id: string }[] }
interface Validation { valid: boolean; description?: string }

const start: RuleGroupType = {
  combinator: 'and',
  rules: [
    { field: 'demographic.age', operator: '>=', value: 30 },
    {
      field: 'behavioral.events',
      operator: '=',
      match: { mode: 'atLeast', threshold: 2 },
      value: { combinator: 'and', rules: [{ field: 'type', operator: '=', value: 'order_completed' }] },
    },
  ],
};

function Page() {
  const [fields, setFields] = useState<{ label: string; options: FullField[] }[]>();
  const [query, setQuery] = useState(() => toQuery(start));
  const [answer, setAnswer] = useState('');

  useEffect(() => {
    call<FieldGroup[]>('fields').then(groups => setFields(toFields(groups)), (error: Error) => setAnswer(error.message));
  }, []);

  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const rule = toRule(query);
        const validation = await call<Validation>('segments/validate', { rule }, abort.signal);
        if (!validation.valid) {
          setAnswer(Object.entries(validation.errors ?? {}).map(([at, texts]) => `${at}: ${texts.join(' ')}`).join('\n'));
          return;
        }

        const preview = await call<Preview>('segments/preview', { rule, sampleSize: 5 }, abort.signal);
        setAnswer(preview.title ?? [
          validation.description,
          `${preview.count} of ${preview.total} customers`,
          ...preview.sample.map(customer => customer.id),
        ].join('\n'));
      } catch (error) {
        if (!abort.signal.aborted) {
          setAnswer((error as Error).message);
        }
      }
    }, 400);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [query]);

  return (
    <>
      <h1>A segment</h1>
      {fields && <SegmentBuilder fields={fields} query={query} onChange={setQuery} />}
      <pre aria-live="polite">{answer}</pre>
      <details>
        <summary>The rule</summary>
        <pre>{JSON.stringify(toRule(query), null, 2)}</pre>
      </details>
    </>
  );
}

createRoot(document.getElementById('page')!).render(<Page />);
