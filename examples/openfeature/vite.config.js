import { defineConfig } from 'vite';

// The page asks its own host: no CORS. Another address of the service: API=http://host:port npm run dev
const api = process.env.API ?? 'http://localhost:5080';
const proxy = { '/api': api, '/ofrep': api };

export default defineConfig({
  build: { target: 'es2022' },
  server: { proxy },
  preview: { proxy },
});
