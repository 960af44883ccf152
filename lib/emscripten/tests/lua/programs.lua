-- Small programs: queens, primes, a parser, a memoised recursion, strings that grow.
local function queens(n)
  local count, columns, up, down = 0, {}, {}, {}
  local function place(row)
    if row > n then count = count + 1 return end
    for c = 1, n do
      if not columns[c] and not up[row + c] and not down[row - c] then
        columns[c], up[row + c], down[row - c] = true, true, true
        place(row + 1)
        columns[c], up[row + c], down[row - c] = nil, nil, nil
      end
    end
  end
  place(1)
  return count
end
print(queens(6), queens(7))
local sieve, primes = {}, {}
for i = 2, 2000 do if not sieve[i] then primes[#primes + 1] = i for j = i * i, 2000, i do sieve[j] = true end end end
print(#primes, primes[#primes])
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
print(fib(20))
local memo = setmetatable({}, {__index = function(t, n) local v = n < 2 and n or t[n - 1] + t[n - 2] t[n] = v return v end})
print(memo[80])
local function parse(text)
  local at = 1
  local expression
  local function factor()
    local number = text:match('^%d+', at)
    if number then at = at + #number return tonumber(number) end
    assert(text:sub(at, at) == '(', 'expected ( at ' .. at)
    at = at + 1
    local value = expression()
    assert(text:sub(at, at) == ')', 'expected ) at ' .. at)
    at = at + 1
    return value
  end
  local function term()
    local value = factor()
    while text:match('^[*/]', at) do
      local operator = text:sub(at, at) at = at + 1
      local other = factor()
      value = operator == '*' and value * other or value / other
    end
    return value
  end
  function expression()
    local value = term()
    while text:match('^[+-]', at) do
      local operator = text:sub(at, at) at = at + 1
      local other = term()
      value = operator == '+' and value + other or value - other
    end
    return value
  end
  return expression()
end
print(parse('1+2*(3+4)-10/4'), pcall(parse, '(1+'), pcall(parse, '(1'))
local parts = {}
for i = 1, 5000 do parts[#parts + 1] = string.format('%d:%s', i, ('x'):rep(i % 7)) end
local text = table.concat(parts, '\n')
local hash = 0
for i = 1, #text do hash = (hash * 31 + text:byte(i)) % 1000000007 end
print(#text, hash)
local s = ''
for i = 1, 3000 do s = s .. i end
print(#s, s:sub(-5))
math.randomseed(42)
local r = math.random(1, 6)
print(r >= 1 and r <= 6, math.random() < 1, pcall(math.random, 2, 1))
print(require and package.path ~= nil, package.loaded.string == string, (pcall(require, "no.such.module")))
