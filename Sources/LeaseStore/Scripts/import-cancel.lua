#!lua flags=allow-oom
-- Ends a task at once, whoever runs it: the worker hears of it at its next beat, and nothing is published after this.
-- KEYS  1 anchor
-- ARGV  1 task  2 message
-- REPLY cancelled | terminal state | no-task
-- Idempotent on the task id.
local id = ARGV[1]
local task = load(task_key(id))
if not task then return { 'no-task' } end
if task.result == 'cancelled' then return { 'cancelled' } end
if task.state == 'success' or task.state == 'failure' then return { 'terminal', task.state } end
finish(id, task, 'failure', 'cancelled', ARGV[2], load(image_key(task.image)))
return { 'cancelled' }
