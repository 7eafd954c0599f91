import { mount } from 'svelte';
import App from './App.svelte';
import { bench } from './lib/bench.svelte';
import { prefs } from './lib/prefs.svelte';
import { speak } from './lib/words.svelte';
import './app.css';

bench.link.connect();
await speak(prefs.language);
const target = document.getElementById('app') ?? document.body;
target.replaceChildren();
mount(App, { target });
