/** Those who want to be told. One that throws does not keep the others from being told. */
export class Listeners<T> {
  readonly #all = new Set<(value: T) => void>();

  /** Adds one; the result removes it again. */
  add(listener: (value: T) => void): () => void {
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  }

  tell(value: T): void {
    for (const listener of [...this.#all]) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
