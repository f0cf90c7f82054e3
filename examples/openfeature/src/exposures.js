/**
 * Sends what was seen: a flag's `metadata.exposures`, when the flag is used, to POST /exposures. Each once for a visitor as long as the
 * page is open: a component that renders again shows nothing new. For browsers; a single evaluation, which servers ask for, is recorded
 * by the service.
 */
export class ExposureHook {
  #seen = new Set();
  #waiting = [];
  #timer;
  #options;

  /**
   * @param {object} options
   * @param {string} options.baseUrl The service's address.
   * @param {Record<string, string>} [options.headers] What every request carries: `Authorization`.
   * @param {typeof fetch} [options.fetch] In place of the page's own.
   * @param {(exposures: object[]) => void} [options.onSent] Is told what was recorded.
   */
  constructor(options) {
    this.#options = options;
    globalThis.document?.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && this.flush());
  }

  /** @type {import('@openfeature/web-sdk').Hook['after']} */
  after({ context, logger }, { flagMetadata }) {
    const seen = `${context.targetingKey} ${flagMetadata.exposures}`;
    if (!flagMetadata.exposures || this.#seen.has(seen)) {
      return;
    }

    this.#seen.add(seen);
    const known = context.anonymous ? undefined : context.targetingKey;
    this.#waiting.push({
      id: crypto.randomUUID(), // What is sent again counts once.
      visitorId: context.targetingKey,
      customerId: context.customerId ?? known,
      customerProof: context.customerProof,
      visitId: context.visit?.id,
      at: new Date().toISOString(),
      exposures: flagMetadata.exposures.split(' '),
    });
    this.#timer ??= setTimeout(() => this.flush(logger), 200);
  }

  /** Sends what waits. What could not be sent waits on, and goes with the next. */
  async flush(logger = console) {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const exposures = this.#waiting.splice(0);
    if (exposures.length === 0) {
      return;
    }

    const { baseUrl, headers, fetch = globalThis.fetch, onSent } = this.#options;
    try {
      const answer = await fetch(`${baseUrl}/api/v1/exposures`, {
        method: 'POST',
        headers: { ...headers, 'Content-Type': 'application/json' },
        body: JSON.stringify(exposures),
        keepalive: true, // Goes out even while the page is left.
      });
      if (answer.ok) {
        onSent?.(exposures);
      } else {
        logger.error(`Exposures were refused with ${answer.status}: ${await answer.text()}`);
      }
    } catch (error) {
      logger.warn(`Exposures could not be sent, and wait: ${error}`);
      this.#waiting.unshift(...exposures);
    }
  }
}
