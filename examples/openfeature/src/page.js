// A shop's page: two placements of the sample (./run --sample), by OpenFeature's web SDK.
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { ExposureHook } from './exposures.js';

const baseUrl = location.origin;
const visitId = crypto.randomUUID();
const events = [];
const find = (id) => document.getElementById(id);

// Somebody who is not known has an id of the browser; a shop with accounts has the customer's id, and with a public key its proof.
const visitors = {
  'not known': { targetingKey: (localStorage.visitor ??= crypto.randomUUID()), anonymous: true },
  ...Object.fromEntries(
    ['sample-00017', 'sample-00022', 'sample-00034', 'sample-00049'].map((id) => [id, { targetingKey: id }]),
  ),
};

const context = () => ({
  ...visitors[find('visitor').value],
  timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  device: matchMedia('(max-width: 40rem)').matches ? 'mobile' : 'desktop',
  page: location.pathname,
  visit: { id: visitId },
  events, // Of this visit, as if they had been stored.
});

function show(placement) {
  const details = OpenFeature.getClient().getObjectDetails(placement, {});
  const { headline, discount, freeShipping } = details.value;
  const place = find(placement);
  place.replaceChildren();
  if (headline) {
    const more = [discount && `${discount} % off`, freeShipping && 'free shipping'].filter(Boolean).join(', ');
    place.append(element('h1', headline), more, element('small', ` ${details.reason} ${details.variant}`));
  }
}

function element(name, text) {
  const created = document.createElement(name);
  created.textContent = text;
  return created;
}

const showAll = () => ['home-hero', 'exit-offer'].forEach(show);

find('visitor').append(...Object.keys(visitors).map((name) => new Option(name)));
find('visitor').onchange = () => OpenFeature.setContext(context());
find('cart').onclick = () => {
  events.push({ id: crypto.randomUUID(), type: 'cart_added', occurredAt: new Date().toISOString() });
  OpenFeature.setContext(context());
};

OpenFeature.addHooks(
  new ExposureHook({
    baseUrl,
    onSent: (sent) => find('sent').append(...sent.flatMap((s) => s.exposures).map((text) => element('li', text))),
  }),
);
await OpenFeature.setProviderAndWait(new OFREPWebProvider({ baseUrl, cacheMode: 'disabled' }), context());
for (const event of [ProviderEvents.ContextChanged, ProviderEvents.ConfigurationChanged]) {
  OpenFeature.addHandler(event, showAll);
}
showAll();
