// OpenFeature's own SDKs ask the service: node test/clients.mjs FILE, a JSON of { baseUrl, token, flags: { object, string, number,
// boolean, nothing, split }, context, changed: { path, body } }. Writes what they answered.
import { readFileSync } from 'node:fs';
import { OpenFeature as Server } from '@openfeature/server-sdk';
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { OpenFeature as Web, ProviderEvents } from '@openfeature/web-sdk';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';

const { baseUrl, token, flags, context, changed } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const authorization = `Bearer ${token}`;
const defaults = { object: { code: 'default' }, string: 'code', number: -1, boolean: false, nothing: 'code', split: 'code' };
const read = { object: 'getObjectDetails', number: 'getNumberDetails', boolean: 'getBooleanDetails' };

async function evaluate(client, more = []) {
  const found = {};
  for (const [name, key] of Object.entries(flags)) {
    found[name] = await client[read[name] ?? 'getStringDetails'](key, defaults[name], ...more);
  }

  found.otherType = await client.getBooleanDetails(flags.string, true, ...more);
  found.unknown = await client.getStringDetails('no-such', 'code', ...more);
  found.slash = await client.getStringDetails('no/such', 'code', ...more);
  return found;
}

async function askAsServer() {
  await Server.setProviderAndWait(new OFREPProvider({ baseUrl, headers: [['Authorization', authorization]] }));
  const client = Server.getClient();
  const found = await evaluate(client, [context]);
  found.nobody = await client.getStringDetails(flags.string, 'code', {});
  found.invalid = await client.getStringDetails(flags.string, 'code', { targetingKey: 'v', device: 'toaster' });
  Server.setProvider('refused', new OFREPProvider({ baseUrl, headers: [['Authorization', 'Bearer no']] }));
  found.refused = await Server.getClient('refused').getStringDetails(flags.string, 'code', context);
  return found;
}

async function askAsPage() {
  const statuses = [];
  const provider = new OFREPWebProvider({
    baseUrl,
    pollInterval: 100,
    cacheMode: 'disabled',
    headersFactory: () => [['Authorization', authorization]],
    fetchImplementation: async (...request) => {
      const answer = await fetch(...request);
      statuses.push(answer.status);
      return answer;
    },
  });
  await Web.setProviderAndWait(provider, context);
  const client = Web.getClient();
  const found = await evaluate(client);
  while (!statuses.includes(304)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }

  const updated = new Promise((resolve) => client.addHandler(ProviderEvents.ConfigurationChanged, resolve));
  await fetch(`${baseUrl}/api/v1/${changed.path}`, {
    method: 'PATCH',
    headers: { Authorization: authorization, 'Content-Type': 'application/json' },
    body: changed.body,
  });
  found.flagsChanged = (await updated).flagsChanged;
  found.changed = client.getStringDetails(flags.nothing, 'code');
  await Web.setContext({ targetingKey: 'somebody-else', anonymous: true });
  found.another = client.getStringDetails(flags.string, 'code');
  await Web.close();
  return found;
}

process.stdout.write(JSON.stringify({ server: await askAsServer(), page: await askAsPage() }));
