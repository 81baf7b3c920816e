// Stands where a line to type in would be: Kickbot's manifest has messages_tab_read_only_enabled.
export const TurnedOff = () => <p className="turned-off">Sending messages to this app has been turned off.</p>
