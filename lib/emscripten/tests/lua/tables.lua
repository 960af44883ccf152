-- Tables, sorting, metatables, inheritance, weak tables, garbage.
local t = setmetatable({}, {__index = function(_, k) return k .. '!' end, __newindex = function(t, k, v) rawset(t, k, v * 2) end, __call = function(_, a) return a + 1 end, __len = function() return 99 end, __tostring = function() return 'a table' end})
t.x = 21
print(t.abc, t.x, t(41), #t, tostring(t), rawlen(t), rawequal(t, t), next({}))
local V = {}
V.__index = V
V.__add = function(a, b) return setmetatable({a[1] + b[1]}, V) end
V.__eq = function(a, b) return a[1] == b[1] end
V.__lt = function(a, b) return a[1] < b[1] end
V.__le = function(a, b) return a[1] <= b[1] end
V.__concat = function(a, b) return 'V' .. (type(a) == 'table' and a[1] or a) .. (type(b) == 'table' and b[1] or b) end
V.__unm = function(a) return setmetatable({-a[1]}, V) end
V.__idiv = function() return 'idiv' end
V.__shl = function() return 'shl' end
local a, b = setmetatable({1}, V), setmetatable({2}, V)
print((a + b)[1], a == b, a < b, a <= b, a .. b, a .. 'x', (-a)[1], a // b, a << b, a ~= b)
local list = {}
for i = 1, 100 do list[i] = (i * 37) % 101 end
table.sort(list)
print(table.concat(list, ',', 1, 10), #list)
table.sort(list, function(x, y) return x > y end)
print(table.concat(list, ',', 1, 5), table.unpack(list, 1, 3))
table.insert(list, 1, 'first') table.insert(list, 'last') print(table.remove(list, 1), table.remove(list), #list)
print(table.concat(table.move({1, 2, 3}, 1, 3, 2), ','), table.pack(1, nil, 3).n)
local Animal = {} Animal.__index = Animal
function Animal.new(name) return setmetatable({name = name}, Animal) end
function Animal:speak() return self.name .. ' speaks' end
local Dog = setmetatable({}, {__index = Animal}) Dog.__index = Dog
function Dog.new(name) return setmetatable(Animal.new(name), Dog) end
function Dog:speak() return Animal.speak(self) .. ': woof' end
print(Dog.new('Rex'):speak(), getmetatable('').__index == string)
local weak = setmetatable({}, {__mode = 'v'})
weak[1], weak[2] = {}, 'kept'
collectgarbage()
print(weak[1], weak[2], collectgarbage('count') > 0, collectgarbage('isrunning'))
local finalized = 0
for i = 1, 10 do setmetatable({}, {__gc = function() finalized = finalized + 1 end}) end
collectgarbage() collectgarbage()
print(finalized)
local n = 0
for k, v in pairs({10, 20, 30, x = 1, y = 2}) do n = n + v end
print(n, #{1, 2, nil, 4} >= 2, ({pcall(next, {}, 'none')})[1])
for i = 10, 1, -3 do io.write(i, ' ') end
for i = 1.0, 2, 0.5 do io.write(i, ' ') end
print(pcall(function() for i = 1, 10, 0 do end end))
