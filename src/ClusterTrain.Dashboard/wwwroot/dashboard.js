// Starts the page; when its node is gone, goes to the one that is there.
(() => {
  const gone = document.getElementById('gone');
  const peers = (document.body.dataset.peers || '').split(' ').filter(Boolean);
  const pause = 700;
  let looking = false;

  const answers = async address => {
    try {
      const response = await fetch(new URL('/healthz', address), { cache: 'no-store', signal: AbortSignal.timeout(2000) });
      return response.ok;
    } catch {
      return false;
    }
  };

  const say = () => {
    const main = document.getElementById('main');
    gone.textContent = main && main.dataset.outcome
      ? `The run is ${main.dataset.outcome} and its process has ended. This shows it again: clustertrain dashboard ${main.dataset.folder}`
      : `No answer from ${location.host}; looking for ${peers.length ? 'the node that leads' : 'it'} …`;
    gone.hidden = false;
  };

  const look = async () => {
    if (looking) return;
    looking = true;
    for (let answered = false; ; ) {
      say();
      // One answer may be the last of a node that is about to end.
      const again = await answers(location.href);
      if (again && answered) return location.reload();
      answered = again;
      for (const peer of peers) {
        if (new URL(peer).host !== location.host && await answers(peer)) {
          location.href = peer;
          return;
        }
      }
      await new Promise(done => setTimeout(done, pause));
    }
  };

  // A page that never got a connection, or that its node no longer answers, notices it too.
  let missed = 0;
  setInterval(async () => {
    if (looking) return;
    missed = await answers(location.href) ? 0 : missed + 1;
    if (missed >= 2) look();
  }, 1500);

  Blazor.start({
    circuit: {
      configureSignalR: builder => builder.withServerTimeout(6000).withKeepAliveInterval(2000),
      reconnectionHandler: { onConnectionDown: look, onConnectionUp: () => {} },
    },
  });
})();
