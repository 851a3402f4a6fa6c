// In the window that came back from Microsoft: tells the page that opened it, and closes. Without that page it stays and is read.
const result = JSON.parse(document.body.dataset.result)
if (window.opener) {
  window.opener.postMessage({ type: 'microsoft-signed-in', ...result }, window.location.origin)
  window.close()
}
