-- Counts the words of a text, writes them to a file by falling number, and says what it found.

local counts, total = {}, 0
for line in io.lines("/d/text") do
  for word in line:lower():gmatch("%a+") do
    counts[word] = (counts[word] or 0) + 1
    total = total + 1
  end
end

local words = {}
for word in pairs(counts) do words[#words + 1] = word end
table.sort(words, function(a, b)
  if counts[a] ~= counts[b] then return counts[a] > counts[b] end
  return a < b
end)

local out = assert(io.open("/d/words.csv", "w"))
for _, word in ipairs(words) do out:write(word, ",", counts[word], "\n") end
out:close()

assert(os.rename("/d/words.csv", "/d/report.csv"))
local back = assert(io.open("/d/report.csv"))
back:seek("end", -20)
print(total, #words, words[1], #back:read("a"), (...))
back:close()
print(string.format("%.6f", total / #words), math.maxinteger, 7 // 2, select("#", table.unpack(words, 1, 100)))
print(io.open("/d/missing"), os.remove("/d/missing"))
for _, text in ipairs({ "/etc/passwd", "/d/../canary" }) do print(io.open(text)) end
