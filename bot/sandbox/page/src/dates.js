// Slack's date tokens, in the reader's own zone and language. Pure but for the reader's clock.
const DAY = 24 * 60 * 60 * 1000
const TIME = { hour: '2-digit', minute: '2-digit' }
const DATES = {
  date: { day: 'numeric', month: 'long', year: 'numeric' },
  date_short: { day: 'numeric', month: 'short', year: 'numeric' },
  date_long: { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' },
}
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' })

export const clock = (ts) => new Date(ts * 1000).toLocaleTimeString([], TIME)

export const whole = (ts) => new Date(ts * 1000).toLocaleString([], { dateStyle: 'full', timeStyle: 'long' })

export function formatted(seconds, format, fallback) {
  const at = new Date(seconds * 1000)
  return Number.isNaN(at.getTime()) ? fallback : format.replace(/\{(\w+)\}/g, (token, name) => told(at, name) ?? token)
}

function told(at, name) {
  if (name === 'time') return at.toLocaleTimeString([], TIME)
  if (name === 'time_secs') return at.toLocaleTimeString([], { ...TIME, second: '2-digit' })
  if (name === 'date_num') return at.toLocaleDateString('sv')
  if (name === 'ago') return ago((at.getTime() - Date.now()) / 1000)
  const style = DATES[name.replace('_pretty', '')]
  return style && (nearby(at, name) ?? at.toLocaleDateString(undefined, style))
}

function nearby(at, name) {
  const days = Math.round((new Date(at).setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / DAY)
  return name.endsWith('_pretty') && Math.abs(days) < 2 ? relative.format(days, 'day') : null
}

function ago(seconds) {
  const units = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]]
  const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) || ['second', 1]
  return relative.format(Math.round(seconds / size), unit)
}
